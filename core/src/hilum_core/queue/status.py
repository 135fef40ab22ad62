"""What people and monitoring systems see of the queue. Changes nothing but lanes and problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from hilum_core.clock import from_microseconds, microseconds
from hilum_core.queue.records import (
    DeliveryRow,
    Event,
    LaneStatus,
    ObjectHistory,
    ObjectRow,
    Problem,
    QueueStatus,
    SinkCounts,
)
from hilum_core.queue.rows import (
    DELIVERY_ROW,
    EVENT_ROW,
    OBJECT_ROW,
    delivery_row,
    delivery_seq,
    event,
    object_row,
    placeholders,
    time_or_none,
)
from hilum_core.queue.schema import DELIVERIES_OPEN, OBJECTS_LISTED, OBJECTS_PURGEABLE
from hilum_core.queue.session import Topic, reads, writes
from hilum_core.queue.states import DELIVERIES, OBJECTS, UNFINISHED, is_one_of
from hilum_core.spool.ids import first_id_of, received_us

COUNT_OBJECTS = f"SELECT state, count(*), min(id) FROM objects WHERE {OBJECTS_LISTED} GROUP BY state"
COUNT_SETTLED = f"SELECT count(*) FROM objects WHERE {OBJECTS_PURGEABLE}"
COUNT_DELIVERIES = f"""
SELECT sink, state, count(*), min(rank) FROM deliveries WHERE {DELIVERIES_OPEN} GROUP BY state, sink
"""
RECEIVED_AT = "SELECT received_at FROM objects WHERE id >= ? ORDER BY id LIMIT 1"
_ADD_LANE = """
INSERT INTO lanes (sink, state, reason, since, resting_until) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (sink) DO UPDATE SET state = excluded.state, reason = excluded.reason, since = excluded.since,
    resting_until = excluded.resting_until
"""
_ADD_PROBLEM = """
INSERT INTO problems (label, text, since) VALUES (?, ?, ?)
ON CONFLICT (label) DO UPDATE SET text = excluded.text
"""
_BEFORE_ROUTED = (OBJECTS.entries["receive"], OBJECTS.moves["claim"].target)
_TRIED = (*DELIVERIES.moves["claim"].sources, DELIVERIES.entries["order"])


class Status(Topic):
    """See `QueueStore`."""

    @writes
    def set_lane(self, status: LaneStatus, *, tell: bool = False) -> None:
        """Show what a lane is doing, and tell it in the ledger."""
        values = (status.state, status.reason, _time(status.since), _time(status.resting_until))
        self._db.execute(_ADD_LANE, (status.sink, *values))
        if tell:
            self._db.log("lane", sink=status.sink, detail={"state": status.state, "reason": status.reason})

    @writes
    def keep_lanes(self, sinks: Collection[str]) -> None:
        """Forget what lanes of other sinks said."""
        self._db.execute(f"DELETE FROM lanes WHERE sink NOT IN ({placeholders(sinks)})", tuple(sinks))

    @writes
    def set_problem(self, label: str, text: str) -> None:
        """Show a problem, or take it away."""
        if not text:
            self._db.execute("DELETE FROM problems WHERE label = ?", (label,))
        elif self._db.row("SELECT text FROM problems WHERE label = ?", (label,)) != (text,):
            self._db.execute(_ADD_PROBLEM, (label, text, self._db.now))

    @writes
    def clear_problems(self, prefix: str) -> None:
        """Take away all problems whose label starts with `prefix`."""
        self._db.execute("DELETE FROM problems WHERE substr(label, 1, ?) = ?", (len(prefix), prefix))

    @reads
    def status(self) -> QueueStatus:
        """The whole queue in figures."""
        objects = {state: (number, first) for state, number, first in self._db.rows(COUNT_OBJECTS)}
        counts = {state: number for state, (number, _) in objects.items()}
        if settled := self._db.row(COUNT_SETTLED)[0]:
            counts[OBJECTS.moves["settle"].target] = settled
        counts |= dict(self._db.rows("SELECT state, number FROM ended WHERE sink = ''"))
        sinks = self._sinks()
        oldest = [sink.oldest_at for sink in sinks if sink.oldest_at is not None]
        oldest += [
            self._received_at(received_us(objects[state][1])) for state in _BEFORE_ROUTED if state in objects
        ]
        problems = self._db.rows("SELECT label, text, since FROM problems ORDER BY label")
        return QueueStatus(
            objects=counts,
            sinks=tuple(sinks),
            oldest_unfinished_at=min(oldest, default=None),
            problems=tuple(
                Problem(label=label, text=text, since=from_microseconds(since))
                for label, text, since in problems
            ),
        )

    def _sinks(self) -> list[SinkCounts]:
        by_sink: dict[str, dict[str, int]] = defaultdict(dict)
        oldest: dict[str, int] = {}
        for sink, state, number, rank in self._db.rows(COUNT_DELIVERIES):
            by_sink[sink][state] = number
            if state in UNFINISHED:
                oldest[sink] = min(rank, oldest.get(sink, rank))
        for sink, state, number in self._db.rows("SELECT sink, state, number FROM ended WHERE sink <> ''"):
            by_sink[sink][state] = number
        lanes = self._lanes()
        return [
            SinkCounts(
                sink=sink,
                by_state=by_sink.get(sink, {}),
                oldest_at=self._received_at(oldest[sink]) if sink in oldest else None,
                lane=lanes.get(sink),
            )
            for sink in sorted(by_sink.keys() | lanes.keys())
        ]

    def _received_at(self, id_us: int) -> datetime:
        """By the clock; ids only give the order, and are ahead of it where it has stepped back."""
        return from_microseconds(self._db.row(RECEIVED_AT, (first_id_of(id_us),))[0])

    @reads
    def lanes(self) -> Mapping[str, LaneStatus]:
        """What each lane was doing when it was last shown."""
        return self._lanes()

    def _lanes(self) -> dict[str, LaneStatus]:
        rows = self._db.rows("SELECT sink, state, reason, since, resting_until FROM lanes")
        return {
            sink: LaneStatus(
                sink=sink,
                state=state,
                reason=reason,
                since=time_or_none(since),
                resting_until=time_or_none(until),
            )
            for sink, state, reason, since, until in rows
        }

    @reads
    def list_objects(
        self, *, states: Collection[str] = (), study_instance_uid: str = "", limit: int = 100
    ) -> Sequence[ObjectRow]:
        """Objects, newest first."""
        conditions: list[str] = []
        values: list[object] = []
        if states:
            conditions.append(f"o.state IN ({placeholders(states)})")
            values += states
        if study_instance_uid:
            conditions.append("o.study_instance_uid = ? AND o.study_instance_uid <> ''")
            values.append(study_instance_uid)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT {OBJECT_ROW} FROM objects o {where} ORDER BY o.id DESC LIMIT ?"
        return [object_row(row) for row in self._db.rows(query, (*values, limit))]

    @reads
    def list_deliveries(
        self, *, states: Collection[str] = (), sink: str = "", limit: int = 100
    ) -> Sequence[DeliveryRow]:
        """Deliveries, of the newest objects first."""
        conditions: list[str] = []
        values: list[object] = []
        if states:
            conditions.append(f"d.state IN ({placeholders(states)})")
            values += states
            if set(states) <= set(DELIVERIES.open):
                conditions.append(is_one_of(DELIVERIES.open, "d.state"))
        if sink:
            conditions.append("d.sink = ?")
            values.append(sink)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        query = f"SELECT {DELIVERY_ROW} {_FROM_DELIVERIES} {where} ORDER BY d.rank DESC LIMIT ?"
        return [_delivery(row) for row in self._db.rows(query, (*values, limit))]

    @reads
    def history(self, any_id: str) -> ObjectHistory | None:
        """All that is known of an object, or of the object of a delivery."""
        row = self._db.row(f"SELECT {OBJECT_ROW}, o.seq FROM objects o WHERE o.id = ?", (any_id[:_ID_WIDTH],))
        if row is None:
            return None
        seq = row[-1]
        deliveries = self._db.rows(
            f"SELECT {DELIVERY_ROW} {_FROM_DELIVERIES} WHERE d.object = ? ORDER BY d.seq", (seq,)
        )
        if len(any_id) > _ID_WIDTH and delivery_seq(any_id) not in {found[0] for found in deliveries}:
            return None
        events = self._db.rows(
            f"SELECT {EVENT_ROW} FROM events e LEFT JOIN objects o ON o.seq = e.object"
            f" WHERE e.object = ? ORDER BY e.cursor",
            (seq,),
        )
        return ObjectHistory(
            object=object_row(row[:-1]),
            deliveries=tuple(_delivery(found) for found in deliveries),
            events=tuple(event(found) for found in events),
        )

    @reads
    def events(self, after: int, limit: int) -> Sequence[Event]:
        """Lines of the ledger after a cursor, in order."""
        query = (
            f"SELECT {EVENT_ROW} FROM events e LEFT JOIN objects o ON o.seq = e.object"
            f" WHERE e.cursor > ? ORDER BY e.cursor LIMIT ?"
        )
        return [event(row) for row in self._db.rows(query, (after, limit))]


_ID_WIDTH = 16
_FROM_DELIVERIES = "FROM deliveries d JOIN objects o ON o.seq = d.object"


def _delivery(row: Sequence[object]) -> DeliveryRow:
    return delivery_row(row, can_be_tried=row[5] in _TRIED)


def _time(at: datetime | None) -> int | None:
    return None if at is None else microseconds(at)
