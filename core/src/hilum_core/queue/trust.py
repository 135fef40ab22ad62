"""Whether the queue is the one that was here last, and what is done with one that is not.

A queue that somebody put back from a copy does not know what was sent since: it would send it again. So
the queue carries a *mark*, a number that grows while it is used, and the state directory has the last one
in a file of its own (`hilum_core.queue.mark`), always written after the queue's. A queue whose mark is
smaller is older than its state directory, and all that would go on by itself is held for a person.
"""

from __future__ import annotations

from datetime import datetime

from hilum_core.clock import from_microseconds, microseconds
from hilum_core.queue.forgetting import FORGOTTEN_TO
from hilum_core.queue.records import Distrusted, Failure
from hilum_core.queue.rows import failure_text
from hilum_core.queue.schema import DELIVERIES_OPEN, OBJECTS_LISTED
from hilum_core.queue.session import Topic, reads, writes
from hilum_core.queue.states import DELIVERIES, OBJECTS

CODE = "restored"
"""The word that the reason of what is held begins with."""

_SET = "INSERT INTO queue VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_HOLD_OBJECT = OBJECTS.moves["distrust"]
_HOLD_DELIVERY = DELIVERIES.moves["distrust"]

GOING_OBJECTS = f"SELECT seq FROM objects WHERE {OBJECTS_LISTED} AND {_HOLD_OBJECT.applies}"
GOING_DELIVERIES = (
    f"SELECT seq, object, sink FROM deliveries WHERE {DELIVERIES_OPEN} AND {_HOLD_DELIVERY.applies}"
)
HOLD_OBJECT = (
    f"UPDATE objects SET {_HOLD_OBJECT.changes}, reason = ?, due_at = 0, lease_owner = 0, lease_until = NULL"
    f" WHERE seq = ? AND {_HOLD_OBJECT.applies}"
)
HOLD_DELIVERY = (
    f"UPDATE deliveries SET {_HOLD_DELIVERY.changes}, failure = ?, due_at = 0, lease_owner = 0,"
    f" lease_until = NULL WHERE seq = ? AND {_HOLD_DELIVERY.applies}"
)


class Trust(Topic):
    """See `QueueStore`."""

    @reads
    def trusted_since(self) -> datetime:
        """When this queue was made, or put in place of another, or what it has forgotten ends."""
        since = (self._value(name) for name in ("created_at", "placed_at", FORGOTTEN_TO))
        return from_microseconds(max(since))

    @reads
    def last_mark(self) -> int:
        """The number of the last mark."""
        return self._value("mark")

    @reads
    def needs_mark(self) -> bool:
        """Whether the ledger has grown since the last mark."""
        return self._newest_event() != self._value("marked_event")

    @writes
    def advance_mark(self, *, after: int = 0) -> int:
        """Give the queue its next mark."""
        number = 1 + max(self._value("mark"), after)
        self._set("marked_event", self._newest_event())
        self._set("mark", number)
        return number

    @writes
    def distrust(self, reason: str, *, received_until: datetime | None = None) -> Distrusted:
        """Hold all that would go on by itself."""
        until = microseconds(received_until) + 1 if received_until else 0
        self._set("placed_at", max(self._db.now, until))
        objects = self._db.rows(GOING_OBJECTS)
        deliveries = self._db.rows(GOING_DELIVERIES)
        detail = {"code": CODE, "text": reason}
        self._db.many(HOLD_OBJECT, [(f"{CODE}: {reason}", seq) for (seq,) in objects])
        for (seq,) in objects:
            self._db.log("held", object_seq=seq, detail=detail)
        why = failure_text(Failure(text=f"{CODE}: {reason}"))
        self._db.many(HOLD_DELIVERY, [(why, seq) for seq, _, _ in deliveries])
        for seq, object_seq, sink in deliveries:
            self._db.log("held", object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)
        return Distrusted(objects=len(objects), deliveries=len(deliveries))

    def _value(self, name: str) -> int:
        row = self._db.row("SELECT value FROM queue WHERE name = ?", (name,))
        return int(row[0]) if row else 0

    def _set(self, name: str, value: int) -> None:
        self._db.execute(_SET, (name, value))

    def _newest_event(self) -> int:
        return int(self._db.row("SELECT coalesce(max(cursor), 0) FROM events")[0])
