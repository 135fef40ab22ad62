"""The three steps of removing bytes: marked and synced, unlinked by the caller, marked as gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from hilum_core.clock import microseconds
from hilum_core.queue.schema import OBJECTS_LISTED, OBJECTS_PURGEABLE
from hilum_core.queue.session import Topic, writes
from hilum_core.queue.states import OBJECTS

_PURGE = OBJECTS.moves["purge"]
_PURGED = OBJECTS.moves["purged"]

LEFT_PURGING = f"SELECT id FROM objects WHERE {OBJECTS_LISTED} AND {_PURGED.applies} LIMIT ?"
PURGEABLE = f"""
SELECT seq FROM objects WHERE {OBJECTS_PURGEABLE} AND settled_at < ? ORDER BY settled_at LIMIT ?
"""
START_PURGE = f"UPDATE objects SET {_PURGE.changes} WHERE seq = ? AND {_PURGE.applies} RETURNING id"
FINISH_PURGE = f"""
UPDATE objects SET {_PURGED.changes}, purged_at = ? WHERE id = ? AND {_PURGED.applies} RETURNING seq
"""


class Retention(Topic):
    """See `QueueStore`."""

    @writes
    def start_purge(self, settled_before: datetime, limit: int) -> Sequence[str]:
        """Mark settled objects; also returns those that an earlier run left marked."""
        marked = [object_id for (object_id,) in self._db.rows(LEFT_PURGING, (limit,))]
        seqs = self._db.rows(PURGEABLE, (microseconds(settled_before), limit - len(marked)))
        return marked + [object_id for (object_id,) in self._db.many(START_PURGE, seqs)]

    @writes
    def finish_purge(self, object_ids: Sequence[str]) -> None:
        """Mark objects whose bytes are gone."""
        now = self._db.now
        for (seq,) in self._db.many(FINISH_PURGE, [(now, object_id) for object_id in object_ids]):
            self._db.count_ended("", _PURGED.target)
            self._db.log("purged", object_seq=seq)
