"""The three steps of removing bytes: marked and synced, unlinked by the caller, marked as gone.

What the caller cannot unlink stays marked, and stands before nothing else until it is due again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hilum_core.clock import microseconds
from hilum_core.queue.claiming import LONGEST_WAIT_US, due
from hilum_core.queue.schema import OBJECTS_LISTED, OBJECTS_PURGEABLE
from hilum_core.queue.session import Topic, reads, writes
from hilum_core.queue.states import OBJECTS

_PURGE = OBJECTS.moves["purge"]
_PURGED = OBJECTS.moves["purged"]

_LEFT = f"{OBJECTS_LISTED} AND {_PURGED.applies}"

PURGES_DUE = f"""
SELECT id FROM objects WHERE {_LEFT} AND (due_at <= ? OR due_at > ?) ORDER BY due_at LIMIT ?
"""
PURGES_DEFERRED = f"SELECT count(*) FROM objects WHERE {_LEFT} AND due_at > 0"
DEFER_PURGE = f"UPDATE objects SET due_at = ? WHERE id = ? AND {_PURGED.applies}"
PURGEABLE = f"""
SELECT seq FROM objects WHERE {OBJECTS_PURGEABLE} AND settled_at < ? ORDER BY settled_at LIMIT ?
"""
PURGEABLE_AHEAD = f"""
SELECT seq FROM objects WHERE {OBJECTS_PURGEABLE} AND settled_at > ? ORDER BY settled_at LIMIT ?
"""
"""What was settled while the clock was ahead of all that it has shown since."""
START_PURGE = (
    f"UPDATE objects SET {_PURGE.changes}, due_at = 0 WHERE seq = ? AND {_PURGE.applies} RETURNING id"
)
FINISH_PURGE = f"""
UPDATE objects SET {_PURGED.changes}, purged_at = ? WHERE id = ? AND {_PURGED.applies} RETURNING seq
"""


class Retention(Topic):
    """See `QueueStore`."""

    @writes
    def start_purge(
        self, settled_before: datetime, limit: int, *, settled_after: datetime | None = None
    ) -> Sequence[str]:
        """Mark settled objects; also returns those left so before that are due."""
        now = self._db.now
        marked = [
            object_id for (object_id,) in self._db.rows(PURGES_DUE, (now, now + LONGEST_WAIT_US, limit))
        ]
        seqs = self._db.rows(PURGEABLE, (microseconds(settled_before), limit - len(marked)))
        if settled_after is not None:
            room = limit - len(marked) - len(seqs)
            seqs += self._db.rows(PURGEABLE_AHEAD, (microseconds(settled_after), room))
        return marked + [object_id for (object_id,) in self._db.many(START_PURGE, seqs)]

    @writes
    def defer_purge(self, object_ids: Sequence[str], until: datetime) -> None:
        """Leave objects marked until they are due again."""
        due_at = due(until, self._db.now)
        self._db.many(DEFER_PURGE, [(due_at, object_id) for object_id in object_ids])

    @reads
    def count_deferred_purges(self) -> int:
        """How many objects wait to be tried again."""
        return int(self._db.row(PURGES_DEFERRED)[0])

    @writes
    def finish_purge(self, object_ids: Sequence[str]) -> None:
        """Mark objects whose bytes are gone."""
        now = self._db.now
        for (seq,) in self._db.many(FINISH_PURGE, [(now, object_id) for object_id in object_ids]):
            self._db.count_ended("", _PURGED.target)
            self._db.log("purged", object_seq=seq)
