"""The queue: sound, of this release, the one that belongs here, and what waits in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import apsw

from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.queue import QUEUE_FILE, SqliteQueue
from hilum_core.queue.inspection import inspect
from hilum_core.queue.mark import is_behind
from hilum_core.queue.schema import VERSION
from hilum_core.spool.layout import Layout, newest_id

_LARGE_LOG = 1 << 30
_REBUILD = "stop the router, then hilum doctor --rebuild; see the guide to a damaged queue"


def examine_queue(case: Case, says: Says) -> Iterator[Finding]:
    """Have SQLite check the file, then ask it for figures."""
    path = case.state_dir / QUEUE_FILE
    if not path.is_file() or not path.stat().st_size:
        places = Layout(case.state_dir)
        if newest_id(places.received, places.settled):
            yield says.fault(
                "it is gone, and there are objects",
                "hilum doctor --rebuild, or start the router: both hold them",
            )
        else:
            yield says.ok("none yet, and no objects")
        return
    try:
        with inspect(path) as queue:
            version, faults = queue.version(), queue.faults(deep=case.deep)
    except apsw.Error as error:
        yield says.fault(f"cannot be read ({error})", _REBUILD)
        return
    if faults:
        yield says.fault(f"damaged: {'; '.join(faults)}", _REBUILD)
        return
    if version != VERSION:
        yield says.fault(
            f"has version {version}, this release reads {VERSION}", "install the release that wrote it"
        )
        return
    log_bytes = path.with_name(f"{QUEUE_FILE}-wal")
    if log_bytes.exists() and log_bytes.stat().st_size > _LARGE_LOG:
        yield says.warn("its log is larger than 1 GiB", "look for a program that keeps the queue open")
    yield from _figures(case, says)


def _figures(case: Case, says: Says) -> Iterator[Finding]:
    queue = SqliteQueue.open(case.state_dir / QUEUE_FILE)
    try:
        status = queue.status()
        if is_behind(case.state_dir, queue):
            yield says.fault(
                "it is an older copy: it does not know what was sent since",
                "start the router: what it would go on with is held; then hilum queue held",
            )
    finally:
        queue.close()
    counts = ", ".join(f"{number:,} {state}" for state, number in status.objects.items() if number) or "empty"
    oldest = status.oldest_unfinished_at
    waits = f"; the oldest undelivered came {oldest:%Y-%m-%d %H:%M}Z" if oldest else ""
    yield says.ok(f"sound; {counts}{waits}")
    held = status.objects.get("held", 0) + sum(one.by_state.get("held", 0) for one in status.sinks)
    if held:
        yield says.warn(f"{held:,} held for a person", "hilum queue held counts them by reason and day")
    for problem in status.problems:
        since = f"{problem.since.astimezone(UTC):%Y-%m-%d %H:%M}Z"
        yield says.warn(f"{problem.label}: {problem.text} (since {since})", "mend it; hilum queue status")
    if oldest and oldest > datetime.now(UTC):
        yield says.warn("the oldest undelivered is from the future", "see the clock")
