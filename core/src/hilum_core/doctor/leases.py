"""What processes have in hand, and whether they live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.incarnation import live_incarnations
from hilum_core.queue import QUEUE_FILE
from hilum_core.queue.inspection import inspect


def examine_leases(case: Case, says: Says) -> Iterator[Finding]:
    """Compare the owners of leases with the processes that live."""
    path = case.state_dir / QUEUE_FILE
    if not path.is_file() or not path.stat().st_size:
        yield says.ok("none")
        return
    with inspect(path) as queue:
        leases = list(queue.leases())
    live = live_incarnations(case.state_dir)  # after: who took a lease lives, or has died since
    dead = Counter(lease.stage for lease in leases if lease.owner not in live)
    if dead:
        counts = ", ".join(f"{number:,} in {stage}" for stage, number in dead.items())
        yield says.warn(
            f"their process is dead: {counts}",
            "nothing: they go back by themselves, now or at the next start",
        )
    yield says.ok(f"{len(leases) - dead.total():,} in the hand of live processes")
