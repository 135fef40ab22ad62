"""Leases of all stages: renewed while their owner works, taken back when it is dead, and what is due next."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from hilum_core.clock import from_microseconds, microseconds
from hilum_core.queue.claiming import recover_sql, time_due
from hilum_core.queue.delivering import CANDIDATE_DELIVERIES, NEXT_DELIVERY_LATER, SINKS_WAITING
from hilum_core.queue.rendering import CHAINS_WAITING, NEXT_RENDERING_DUE
from hilum_core.queue.routing import NEXT_OBJECT_DUE
from hilum_core.queue.schema import DELIVERIES_OPEN, OBJECTS_LISTED, RENDERINGS_OPEN
from hilum_core.queue.session import leases, reads, writes
from hilum_core.queue.settling import Settling
from hilum_core.queue.states import DELIVERIES, OBJECTS, RENDERINGS, StateTable, is_one_of

_STAGES = {
    "route": ("objects", OBJECTS, OBJECTS_LISTED),
    "render": ("renderings", RENDERINGS, RENDERINGS_OPEN),
    "deliver": ("deliveries", DELIVERIES, DELIVERIES_OPEN),
}


def _in_hand(table: StateTable, condition: str) -> str:
    return f"{condition} AND {table.moves['put_back'].applies}"


LEASED = {
    stage: f"SELECT seq, lease_owner FROM {name} WHERE {_in_hand(table, condition)}"
    for stage, (name, table, condition) in _STAGES.items()
}
RENEW = {
    stage: f"UPDATE {name} SET lease_until = ? WHERE {_in_hand(table, condition)} AND lease_owner = ?"
    for stage, (name, table, condition) in _STAGES.items()
}
RECOVER_OBJECT = recover_sql("objects", OBJECTS.moves["put_back"], "seq")
RECOVER_RENDERING = recover_sql("renderings", RENDERINGS.moves["put_back"], "object")
RECOVER_DELIVERY = recover_sql("deliveries", DELIVERIES.moves["put_back"], "object, sink, chain")


CARRY_TIMES = {
    stage: f"""
UPDATE {name} SET due_at = CASE WHEN due_at > 0 THEN max(1, due_at + min(?1, 0)) ELSE 0 END,
    first_attempt_at = first_attempt_at + ?1
WHERE {condition} AND {is_one_of((*table.moves["claim"].sources, *table.moves["put_back"].sources))}
    AND (due_at > 0 OR first_attempt_at IS NOT NULL)
"""
    for stage, (name, table, condition) in _STAGES.items()
}
"""What is due stays due where the clock was set forward: trying once more harms nobody."""
NOTE_TIME = """
INSERT INTO queue (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
TIME_NOTED = "SELECT value FROM queue WHERE name = ?"


class Leases(Settling):
    """See `QueueStore`."""

    @leases
    def renew_leases(self, until: datetime) -> None:
        """Move the end of all leases of this incarnation."""
        for sql in RENEW.values():
            self._db.execute(sql, (microseconds(until), self._db.incarnation))

    @writes
    def recover_leases(self, *, stage: str, live: Collection[int]) -> int:
        """Return what dead incarnations had leased in a stage."""
        dead = [(seq, owner) for seq, owner in self._db.rows(LEASED[stage]) if owner not in live]
        for seq, owner in dead:
            detail = {"stage": stage, "text": f"its process (incarnation {owner}) ended with it in hand"}
            if stage == "deliver":
                self._recover_delivery(seq, detail)
            elif stage == "render":
                (object_seq,) = self._db.row(RECOVER_RENDERING, (seq,))
                self._db.log("deferred", object_seq=object_seq, detail=detail)
                self._drop_renderings(object_seq)
            else:
                self._db.execute(RECOVER_OBJECT, (seq,))
                self._db.log("deferred", object_seq=seq, detail=detail)
        return len(dead)

    @writes
    def carry_times(self, stage: str, by: timedelta) -> None:
        """Move the times of waiting and trying along with a clock that was set."""
        self._db.execute(CARRY_TIMES[stage], (by // timedelta(microseconds=1),))
        self._db.execute(NOTE_TIME, (_noted_by(stage), self._db.now))

    @leases
    def note_time(self, stage: str) -> None:
        """Keep the time, so that the next process of the stage knows for how long nobody worked."""
        self._db.execute(NOTE_TIME, (_noted_by(stage), self._db.now))

    @reads
    def time_noted(self, stage: str) -> datetime | None:
        """The time that a process of the stage kept last."""
        row = self._db.row(TIME_NOTED, (_noted_by(stage),))
        return from_microseconds(row[0]) if row else None

    def _recover_delivery(self, seq: int, detail: dict[str, str]) -> None:
        object_seq, sink, chain = self._db.row(RECOVER_DELIVERY, (seq,))
        self._db.log("deferred", object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)
        self._settle(self._supersede_if_older(object_seq, seq, sink, chain))

    @reads
    def next_due_at(self, *, stage: str, sink: str | None = None) -> datetime | None:
        """When the next object, rendering or delivery may be claimed."""
        if stage == "route":
            times = [self._db.row(NEXT_OBJECT_DUE)[0]]
        elif stage == "render":
            times = [
                self._db.row(NEXT_RENDERING_DUE, (chain,))[0] for (chain,) in self._db.rows(CHAINS_WAITING)
            ]
        else:
            sinks = [sink] if sink is not None else [name for (name,) in self._db.rows(SINKS_WAITING)]
            times = [self._next_of_sink(name) for name in sinks]
        known = [at for at in times if at is not None]
        now = self._db.now
        return from_microseconds(min(time_due(at, now) for at in known)) if known else None

    def _next_of_sink(self, sink: str) -> int | None:
        """What waits for an older one of its instance is not due, whatever its time."""
        if self._db.row(CANDIDATE_DELIVERIES, (sink, 0, 1, 1, 0, self._db.epoch)):
            return 0
        at: int | None = self._db.row(NEXT_DELIVERY_LATER, (sink,))[0]
        return at


def _noted_by(stage: str) -> str:
    return f"{stage}_worked_at"
