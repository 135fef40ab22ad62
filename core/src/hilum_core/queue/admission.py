"""At the start of a router, before anything is sent: is this the queue that was here last?

Three things may have happened to it while no router ran. It is *gone*: an empty one is made, and reconcile
holds what lies in the spool. It is *older*, put back from a copy: all that it would go on with by itself is
held, because it may have been sent since. Or it is damaged, which opening it or working with it tells.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from pathlib import Path

import attrs

from hilum_core.clock import Clock, SystemClock
from hilum_core.queue.mark import read_mark, write_mark
from hilum_core.queue.records import Distrusted
from hilum_core.queue.sqlite import QUEUE_FILE, SqliteQueue
from hilum_core.spool.ids import received_at
from hilum_core.spool.layout import Layout, newest_id

OLDER = "the queue was put back from an older copy; this may have been sent since"
_PATIENCE_S = 2.0


class Origin(Enum):
    """Where the queue of a state directory comes from."""

    KNOWN = "the queue that was here last"
    FIRST = "the first queue of this state directory"
    REMADE = "an empty queue, made because the one that was here is gone"
    OLDER = "an older copy of the queue that was here"


@attrs.frozen(kw_only=True)
class Admission:
    """Where the queue comes from, and what is held because of that."""

    origin: Origin
    held: Distrusted = attrs.field(factory=Distrusted)


def admit(state_dir: Path, clock: Clock | None = None) -> Admission:
    """Open the queue, or make it; hold what an older copy would send again; give it the next mark.

    Nobody may send by this queue before.

    Raises
    ------
    QueueUnavailable, QueueUnusable, OSError
        As of `SqliteQueue.open`, or the mark cannot be kept. To be asked again.
    """
    path = state_dir / QUEUE_FILE
    kept = read_mark(state_dir)
    is_there = path.is_file() and path.stat().st_size > 0
    queue = SqliteQueue.open(path, clock=clock or SystemClock(), patience_s=_PATIENCE_S)
    try:
        if is_there and queue.last_mark() >= kept:
            admission = Admission(origin=Origin.KNOWN)
        else:
            newest = newest_object(state_dir)
            held = queue.distrust(OLDER, received_until=newest)
            made = Origin.REMADE if kept or newest else Origin.FIRST
            admission = Admission(origin=Origin.OLDER if is_there else made, held=held)
        write_mark(state_dir, queue.advance_mark(after=kept))
    finally:
        queue.close()
    return admission


def newest_object(state_dir: Path) -> datetime | None:
    """When the newest object of the state directory was received, by its id; None if there is none."""
    places = Layout(state_dir)
    newest = newest_id(places.received, places.settled)
    return received_at(newest) if newest else None
