"""Records that are old enough are forgotten: rows of objects whose bytes are gone, lines of the ledger.

* What is open, dead or held, and what has its bytes, is never forgotten.
* A row stays while another version of its instance has its bytes: it says which of them is the newer one.
* A number that was given is never given again: SQLite gives the one after the greatest, so the greatest of
  each table stays, and so does the greatest id.
* What comes back of a time that was forgotten, because somebody put files back, is not taken for new: the
  queue is trusted since later (see `trust`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hilum_core.clock import microseconds
from hilum_core.queue.records import Forgotten
from hilum_core.queue.session import Topic, writes
from hilum_core.queue.states import OBJECTS, is_one_of
from hilum_core.spool.ids import received_us

FORGOTTEN_TO = "forgotten_to"
"""The microsecond after the greatest id that was forgotten, in the table `queue`."""

_GONE = OBJECTS.moves["purged"].target
_NUMBERED = {"events": "cursor", "deliveries": "seq", "renderings": "seq"}
_HAS_A_GREATEST = " OR ".join(
    f"EXISTS (SELECT 1 FROM {table} t"
    f" WHERE t.object = o.seq AND t.{number} = (SELECT max({number}) FROM {table}))"
    for table, number in _NUMBERED.items()
)

RECORDS = f"""
SELECT o.seq, o.id, o.received_at BETWEEN ?1 AND ?2,
    {is_one_of((_GONE,), "o.state")} AND o.purged_at NOT BETWEEN ?1 AND ?2
    AND o.seq < (SELECT max(seq) FROM objects) AND o.id < (SELECT max(id) FROM objects)
    AND NOT EXISTS (
        SELECT 1 FROM objects n
        WHERE n.sop_instance_uid = o.sop_instance_uid AND NOT {is_one_of((_GONE,), "n.state")})
    AND NOT ({_HAS_A_GREATEST})
FROM objects o WHERE o.seq > ?3 ORDER BY o.seq LIMIT ?4
"""
FORGET = {
    **{table: f"DELETE FROM {table} WHERE object = ?" for table in _NUMBERED},
    "objects": f"DELETE FROM objects WHERE seq = ? AND {is_one_of((_GONE,))}",
}
LINES = """
SELECT cursor, at BETWEEN ?1 AND ?2, object IS NULL AND cursor < (SELECT max(cursor) FROM events)
FROM events WHERE cursor > ?3 ORDER BY cursor LIMIT ?4
"""
FORGET_LINE = "DELETE FROM events WHERE cursor = ?"
_NOTE = """
INSERT INTO queue VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)
"""


class Forgetting(Topic):
    """See `QueueStore`."""

    @writes
    def forget_objects(
        self, kept_from: datetime, kept_to: datetime, *, after: int = 0, limit: int
    ) -> Forgotten:
        """Remove the records of objects that were purged outside the times to keep."""
        rows = self._db.rows(RECORDS, (microseconds(kept_from), microseconds(kept_to), after, limit))
        old = _before_the_first_young(rows, young=2)
        forgotten = [(seq, object_id) for seq, object_id, _, may_go in old if may_go]
        for statement in FORGET.values():
            self._db.many(statement, [(seq,) for seq, _ in forgotten])
        if forgotten:
            greatest = max(object_id for _, object_id in forgotten)
            self._db.execute(_NOTE, (FORGOTTEN_TO, received_us(greatest) + 1))
        return Forgotten(number=len(forgotten), go_on_after=old[-1][0] if len(old) == limit else None)

    @writes
    def forget_lines(
        self, kept_from: datetime, kept_to: datetime, *, after: int = 0, limit: int
    ) -> Forgotten:
        """Remove lines of the ledger that belong to no object and are of none of the times to keep."""
        rows = self._db.rows(LINES, (microseconds(kept_from), microseconds(kept_to), after, limit))
        old = _before_the_first_young(rows, young=1)
        forgotten = [(cursor,) for cursor, _, may_go in old if may_go]
        self._db.many(FORGET_LINE, forgotten)
        return Forgotten(number=len(forgotten), go_on_after=old[-1][0] if len(old) == limit else None)


def _before_the_first_young(rows: Sequence[Any], *, young: int) -> Sequence[Any]:
    """Rows come in order of their numbers, that is of time: after the first young one, all are."""
    for index, row in enumerate(rows):
        if row[young]:
            return rows[:index]
    return rows
