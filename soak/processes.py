"""What the processes of a router hold: memory and descriptors."""

from __future__ import annotations

from pathlib import Path

import attrs

from hilum_core.testing import RunningRouter

SUPERVISOR = "supervisor"


@attrs.frozen(kw_only=True)
class Held:
    """What one process holds now: anonymous and file memory that is resident, and open descriptors."""

    memory_mib: float
    descriptors: int


def held(router: RunningRouter) -> dict[str, Held]:
    """By what they run, the largest process of each kind; nothing of those that end meanwhile."""
    assert router.process is not None
    pids = {**router.processes(), SUPERVISOR: [router.process.pid]}
    found: dict[str, Held] = {}
    for module, those in sorted(pids.items()):
        ours = [one for one in map(_held, those) if one is not None]
        if ours:
            found[module] = most(ours)
    return found


def most(several: list[Held]) -> Held:
    """The greatest of each figure."""
    return Held(
        memory_mib=max(one.memory_mib for one in several), descriptors=max(one.descriptors for one in several)
    )


def _held(pid: int) -> Held | None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        descriptors = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None
    kib = next((int(line.split()[1]) for line in lines if line.startswith("VmRSS:")), 0)
    return Held(memory_mib=round(kib / 1024, 1), descriptors=descriptors)
