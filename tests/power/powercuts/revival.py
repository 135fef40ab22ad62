"""The router is started on what a power cut left: everything that was acknowledged gets where it should."""

from __future__ import annotations

import attrs

from hilum_core.testing import RunningRouter
from powercuts.recording import Recording

_WITHIN_S = 120.0


@attrs.frozen(kw_only=True)
class Revival:
    """What came of a start. ``twice`` counts what a destination had got before, and got again."""

    delivered: int
    twice: int
    broken: tuple[str, ...]


def revive(recording: Recording, at: int) -> Revival:
    """Start the router on what is mounted, let it do what it can, and stop it."""
    due = recording.due(at)
    seen = {sink: len(one.archive.arrivals) for sink, one in recording.destinations.items()}
    router = RunningRouter(
        recording.config_path, recording.state_dir, recording.config_path.with_name("revived.log")
    )
    router.start()
    try:
        router.wait_until_quiet(objects=len(due), within_s=_WITHIN_S)
    finally:
        router.stop()
    delivered = twice = 0
    broken: list[str] = []
    for sink, destination in recording.destinations.items():
        before = {uid for uid, moment in destination.arrived.items() if moment <= at}
        now = {arrival.sop_instance_uid for arrival in destination.archive.arrivals[seen[sink] :]}
        broken += [f"{uid}: acknowledged, and never came to {sink}" for uid in sorted(due - before - now)]
        delivered += len(now)
        twice += len(before & now)
    return Revival(delivered=delivered, twice=twice, broken=tuple(broken))
