"""RECEIVE's side of the queue: new objects, and what reconcile needs to know of those it has."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hilum_core.queue.rows import ADD_OBJECT_COLUMNS, STORED_WIDTH, placeholders, stored_values
from hilum_core.queue.session import Topic, reads, writes
from hilum_core.queue.states import OBJECTS
from hilum_core.spool.ids import TIME_WIDTH
from hilum_core.spool.records import StoredObject

_ADD = (
    f"INSERT INTO objects ({ADD_OBJECT_COLUMNS}, state, reason)"
    f" VALUES ({placeholders(range(STORED_WIDTH + 2))}) ON CONFLICT (id) DO NOTHING RETURNING seq"
)
LAST_ID = "SELECT max(id) FROM objects"
LAST_ID_BESIDE = f"""
SELECT id FROM objects WHERE id > ?1 AND substr(id, {TIME_WIDTH + 1}) = substr(?1, {TIME_WIDTH + 1})
ORDER BY id DESC LIMIT 1
"""
_MOST_BOUND = 500


class Intake(Topic):
    """See `QueueStore`."""

    @writes
    def add_objects(self, stored: Sequence[StoredObject], *, found: str = "") -> int:
        """Insert objects that are not known yet."""
        state = OBJECTS.entries["find" if found else "receive"]
        added = self._db.many(_ADD, [(*stored_values(one), state, found) for one in stored])
        for (seq,) in added:
            self._db.log("received", object_seq=seq, detail={"found": found} if found else None)
            if found:
                self._db.log("held", object_seq=seq, detail={"code": "found", "text": found})
        return len(added)

    @reads
    def known_objects(self, object_ids: Collection[str]) -> set[str]:
        """Those of the ids that have a row."""
        ids = list(object_ids)
        known: set[str] = set()
        for start in range(0, len(ids), _MOST_BOUND):
            some = ids[start : start + _MOST_BOUND]
            known.update(
                row[0]
                for row in self._db.rows(f"SELECT id FROM objects WHERE id IN ({placeholders(some)})", some)
            )
        return known

    @reads
    def last_object_id(self, *, beside: str | None = None) -> str | None:
        """The greatest id that has a row."""
        if beside is None:
            return self._db.row(LAST_ID)[0]  # type: ignore[no-any-return]  # the schema says TEXT
        row = self._db.row(LAST_ID_BESIDE, (beside,))
        return row[0] if row else None
