"""What is held, counted and named by the thousand: after a restore, a person acts on days and senders."""

from __future__ import annotations

from collections.abc import Sequence

from hilum_core.queue.records import HeldFilter, HeldGroup
from hilum_core.queue.rows import delivery_id
from hilum_core.queue.schema import OBJECTS_LISTED
from hilum_core.queue.session import Topic, reads
from hilum_core.queue.states import DELIVERIES, OBJECTS, is_one_of

_ABOUT = """date(o.received_at / 1000000, 'unixepoch') AS day, coalesce(o.peer, o.calling_ae) AS sender"""
HELD_OBJECTS = f"""
SELECT o.id AS id, NULL AS delivery, o.reason AS reason, '' AS sink, {_ABOUT}
FROM objects o WHERE {OBJECTS_LISTED} AND {OBJECTS.moves["release"].applies}
"""
HELD_DELIVERIES = f"""
SELECT o.id, d.seq, coalesce(json_extract(d.failure, '$.text'), ''), d.sink, {_ABOUT}
FROM deliveries d JOIN objects o ON o.seq = d.object
WHERE {is_one_of(DELIVERIES.open, "d.state")} AND {is_one_of(DELIVERIES.moves["release"].sources, "d.state")}
"""
_HELD = f"""FROM ({HELD_OBJECTS} UNION ALL {HELD_DELIVERIES})
WHERE instr(reason, ?1) AND ?2 IN (day, '') AND ?3 IN (sender, '') AND ?4 IN (sink, '')"""


class Held(Topic):
    """See `QueueStore`."""

    @reads
    def held_groups(self, which: HeldFilter) -> Sequence[HeldGroup]:
        """What is held, counted."""
        query = (
            f"SELECT reason, day, sender, sink, count(*) {_HELD} GROUP BY reason, day, sender, sink"
            f" ORDER BY reason, day, sender, sink"
        )
        return [
            HeldGroup(reason=reason, day=day, sender=sender, sink=sink, number=number)
            for reason, day, sender, sink, number in self._db.rows(query, _bindings(which))
        ]

    @reads
    def list_held(self, which: HeldFilter) -> Sequence[str]:
        """The ids of what is held."""
        rows = self._db.rows(f"SELECT id, delivery {_HELD} ORDER BY id, delivery", _bindings(which))
        return [object_id if seq is None else delivery_id(object_id, seq) for object_id, seq in rows]


def _bindings(which: HeldFilter) -> tuple[str, ...]:
    return which.reason, which.day, which.sender, which.sink
