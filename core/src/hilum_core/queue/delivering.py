"""DELIVER's side of the queue: lanes claim, and say what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilum_core.clock import from_microseconds
from hilum_core.queue.attempts import Attempts
from hilum_core.queue.claiming import (
    LEASE_US,
    MOST_PROMOTED,
    choose,
    claim_sql,
    due,
    put_back_sql,
    spans_due,
)
from hilum_core.queue.records import (
    ClaimedDelivery,
    DeliveryDead,
    DeliveryDeferred,
    DeliveryOutcome,
    Failure,
    ObjectDamaged,
    RenderingLost,
    Sent,
)
from hilum_core.queue.rows import (
    RENDERING,
    RENDERING_WIDTH,
    STORED,
    STORED_WIDTH,
    delivery_id,
    delivery_seq,
    failure_detail,
    failure_text,
    receipt_detail,
    receipt_text,
    rendering,
    stored_object,
)
from hilum_core.queue.schema import DELIVERIES_AT_ONCE, DELIVERIES_OPEN, SHARD, SHARDS
from hilum_core.queue.session import leases, reads, writes
from hilum_core.queue.states import DELIVERIES, OBJECTS, RENDERINGS, UNFINISHED, Move, is_one_of

_MOVES = DELIVERIES.moves
_WAITING = f"{DELIVERIES_OPEN} AND {_MOVES['claim'].applies} AND sink = ?"
_WAITING_D = (
    f"{is_one_of(DELIVERIES.open, 'd.state')} AND {is_one_of(_MOVES['claim'].sources, 'd.state')}"
    f" AND d.sink = ?1"
)

PROMOTE_DELIVERIES = f"""
UPDATE deliveries SET due_at = 0 WHERE seq IN (
    SELECT seq FROM deliveries WHERE {_WAITING} AND due_at > ? AND due_at <= ?
    ORDER BY due_at LIMIT {MOST_PROMOTED})
"""
CANDIDATE_DELIVERIES = f"""
SELECT {STORED}, {RENDERING}, d.seq, d.crashes, d.attempts, d.lease_no, d.route, d.revision,
    d.first_attempt_at, o.patient_key
FROM deliveries d JOIN objects o ON o.seq = d.object LEFT JOIN renderings r ON r.seq = d.rendering
WHERE {_WAITING_D} AND d.due_at = 0 AND d.rank >= ?5 AND (?3 = 1 OR d.{SHARD} % ?3 = ?2)
    AND (d.rendering IS NULL OR r.epoch = ?6)
    AND NOT EXISTS (
        SELECT 1 FROM objects p
        JOIN deliveries q ON q.object = p.seq AND q.sink = d.sink AND q.chain = d.chain
        WHERE p.sop_instance_uid = o.sop_instance_uid AND p.id < o.id AND {is_one_of(UNFINISHED, "q.state")})
ORDER BY d.rank LIMIT ?4
"""
FIRST_OF_SHARD = f"""
WITH RECURSIVE mine (shard) AS (
    SELECT ?2 UNION ALL SELECT shard + ?3 FROM mine WHERE shard + ?3 < {SHARDS})
SELECT min(first) FROM (
    SELECT (SELECT rank FROM deliveries WHERE {DELIVERIES_AT_ONCE} AND sink = ?1 AND {SHARD} = mine.shard
            ORDER BY rank LIMIT 1) AS first
    FROM mine)
"""
"""Where a worker's deliveries begin: behind a hundred thousand of others', or nowhere."""
NEXT_DELIVERY_LATER = f"SELECT min(due_at) FROM deliveries WHERE {_WAITING} AND due_at > 0"
SINKS_WAITING = f"""
WITH RECURSIVE sinks (sink) AS (
    SELECT min(sink) FROM deliveries WHERE {DELIVERIES_OPEN} AND {_MOVES["claim"].applies}
    UNION ALL
    SELECT (SELECT min(sink) FROM deliveries
            WHERE {DELIVERIES_OPEN} AND {_MOVES["claim"].applies} AND sink > sinks.sink)
    FROM sinks WHERE sinks.sink IS NOT NULL)
SELECT sink FROM sinks WHERE sink IS NOT NULL
"""
UPCOMING_NEEDS = f"""
SELECT coalesce(r.sop_class_uid, o.sop_class_uid), coalesce(r.transfer_syntax_uid, o.transfer_syntax_uid),
    count(*) AS waiting
FROM (SELECT * FROM (SELECT d.object, d.rendering FROM deliveries d
                     WHERE {_WAITING_D} AND d.due_at = 0 ORDER BY d.rank LIMIT ?2)
      UNION ALL
      SELECT * FROM (SELECT d.object, d.rendering FROM deliveries d
                     WHERE {_WAITING_D} AND d.due_at > 0 AND d.due_at <= ?3 ORDER BY d.due_at LIMIT ?2)
     ) upcoming
JOIN objects o ON o.seq = upcoming.object LEFT JOIN renderings r ON r.seq = upcoming.rendering
GROUP BY 1, 2 ORDER BY waiting DESC
"""
CLAIM_DELIVERY = claim_sql("deliveries", _MOVES["claim"])
PUT_BACK_DELIVERY = put_back_sql("deliveries", _MOVES["put_back"], "object, sink, chain, attempts").format(
    key="seq"
)


def _conclude_sql(move: Move, changes: str = "") -> str:
    return (
        f"UPDATE deliveries SET {move.changes}, ended_at = ?, receipt = ?, failure = coalesce(?, failure),"
        f" lease_owner = 0, lease_until = NULL{changes} WHERE seq = ? AND lease_owner = ? AND lease_no = ?"
        f" AND {move.applies} RETURNING seq, object, sink"
    )


DELIVER = _conclude_sql(_MOVES["deliver"])
SEND = _conclude_sql(_MOVES["send"])
KILL_DELIVERY = _conclude_sql(_MOVES["kill"])
HOLD_DELIVERY = _conclude_sql(_MOVES["damage"])
UNRENDER_DELIVERY = _conclude_sql(
    _MOVES["lose_rendering"],
    ", attempts = attempts - 1, first_attempt_at = CASE WHEN attempts > 1 THEN first_attempt_at END",
)
UNRENDER_OTHERS = f"""
UPDATE deliveries SET {_MOVES["unrender"].changes}, due_at = 0
WHERE object = ?1 AND chain = (SELECT chain FROM deliveries WHERE seq = ?2) AND {_MOVES["unrender"].applies}
"""
RENDER_AGAIN = f"""
UPDATE renderings SET {RENDERINGS.moves["lose"].changes}, due_at = 0, attempts = 0, first_attempt_at = NULL
WHERE seq = (SELECT rendering FROM deliveries WHERE seq = ?) AND {RENDERINGS.moves["lose"].applies}
"""
HOLD_DAMAGED = f"""
UPDATE objects SET {OBJECTS.moves["damage"].changes}, reason = ?, failure = ?
WHERE seq = ? AND {OBJECTS.moves["damage"].applies} RETURNING seq
"""


class Delivering(Attempts):
    """See `QueueStore`."""

    @leases
    def claim_deliveries(
        self, sink: str, limit: int, *, shard: int = 0, shards: int = 1
    ) -> Sequence[ClaimedDelivery]:
        """Lease deliveries of a sink that are due, oldest reception first."""
        now = self._db.now
        self._db.many(PROMOTE_DELIVERIES, [(sink, *span) for span in spans_due(now)])
        first = 0 if shards == 1 else self._db.row(FIRST_OF_SHARD, (sink, shard, shards))[0]
        if first is None:
            return []
        found = self._db.rows(
            CANDIDATE_DELIVERIES, (sink, shard, shards, max(0, limit), first, self._db.epoch)
        )
        rows = choose(found, _KEY + 1)
        self._db.many(
            CLAIM_DELIVERY, [(now, self._db.incarnation, now + LEASE_US, row[_KEY]) for row in rows]
        )
        return [_claimed(row, sink, now) for row in rows]

    @reads
    def upcoming_needs(self, sink: str, *, look_at: int = 1000) -> Sequence[tuple[str, str, int]]:
        """(SOP class, transfer syntax, how many) among the next deliveries of a sink."""
        return self._db.rows(UPCOMING_NEEDS, (sink, look_at, self._db.now))

    @writes
    def settle_deliveries(self, outcomes: Sequence[DeliveryOutcome]) -> Sequence[str]:
        """Record what became of leased deliveries."""
        touched: list[int] = []
        for outcome in outcomes:
            match outcome:
                case Sent():
                    touched += self._sent(outcome)
                case DeliveryDeferred():
                    touched += self._deferred(outcome)
                case DeliveryDead():
                    self._dead(outcome)
                case RenderingLost():
                    touched += self._rendering_lost(outcome)
                case ObjectDamaged():
                    self._damaged(outcome)
        return self._settle(touched)

    def _sent(self, outcome: Sent) -> list[int]:
        move, sql = (_MOVES["send"], SEND) if outcome.confirm else (_MOVES["deliver"], DELIVER)
        ended_at = None if outcome.confirm else self._db.now
        row = self._conclude(sql, outcome, ended_at=ended_at, receipt=receipt_text(outcome.receipt))
        if row is None:
            return []
        seq, object_seq, sink = row
        detail = receipt_detail(outcome.receipt)
        if outcome.notes:
            detail["notes"] = outcome.notes
        self._db.log("sent", object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)
        if not outcome.confirm:
            self._db.count_ended(sink, move.target)
        return [object_seq]

    def _deferred(self, outcome: DeliveryDeferred) -> list[int]:
        due_at = due(outcome.not_before, self._db.now)
        seq = delivery_seq(outcome.delivery_id)
        row = self._db.row(PUT_BACK_DELIVERY, self._put_back_values(outcome, seq, due_at))
        if row is None:
            return []
        object_seq, sink, chain, attempts = row
        self._log_deferred(
            outcome,
            stage="deliver",
            attempts=attempts,
            due_at=due_at,
            object_seq=object_seq,
            delivery_seq=seq,
            sink=sink,
        )
        return self._supersede_if_older(object_seq, seq, sink, chain)

    def _dead(self, outcome: DeliveryDead) -> None:
        row = self._conclude(KILL_DELIVERY, outcome, failure=outcome.failure)
        if row is not None:
            seq, object_seq, sink = row
            detail = failure_detail(outcome.failure)
            self._db.log("dead", object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)

    def _rendering_lost(self, outcome: RenderingLost) -> list[int]:
        row = self._conclude(UNRENDER_DELIVERY, outcome, failure=outcome.failure)
        if row is None:
            return []
        seq, object_seq, sink = row
        self._db.execute(UNRENDER_OTHERS, (object_seq, seq))
        self._db.execute(RENDER_AGAIN, (seq,))
        detail = {"stage": "deliver", **failure_detail(outcome.failure)}
        self._db.log("rendering lost", object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)
        chain = self._db.row("SELECT chain FROM deliveries WHERE seq = ?", (seq,))[0]
        return self._supersede_if_older(object_seq, seq, sink, chain)

    def _damaged(self, outcome: ObjectDamaged) -> None:
        row = self._conclude(HOLD_DELIVERY, outcome, failure=outcome.failure)
        if row is None:
            return
        seq, object_seq, sink = row
        detail = {"code": "damaged", **failure_detail(outcome.failure)}
        self._db.log("held", object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)
        reason = f"damaged: {outcome.failure.text}"
        if self._db.row(HOLD_DAMAGED, (reason, failure_text(outcome.failure), object_seq)):
            self._db.log("held", object_seq=object_seq, detail=detail)

    def _conclude(
        self,
        sql: str,
        outcome: Sent | DeliveryDead | RenderingLost | ObjectDamaged,
        *,
        ended_at: int | None = None,
        receipt: str | None = None,
        failure: Failure | None = None,
    ) -> Any:
        key = (delivery_seq(outcome.delivery_id), self._db.incarnation, outcome.lease_no)
        return self._db.row(sql, (ended_at, receipt, failure_text(failure), *key))


_KEY = STORED_WIDTH + RENDERING_WIDTH


def _claimed(row: Sequence[Any], sink: str, now: int) -> ClaimedDelivery:
    seq, crashes, attempts, lease_no, route, revision, first_attempt_at, patient_key = row[_KEY:]
    return ClaimedDelivery(
        delivery_id=delivery_id(row[0], seq),
        sink=sink,
        route=route,
        stored=stored_object(row),
        rendering=rendering(row[STORED_WIDTH:_KEY]),
        revision=revision,
        lease_no=lease_no + 1,
        attempt=attempts + 1,
        crashes=crashes,
        first_attempt_at=from_microseconds(now if first_attempt_at is None else first_attempt_at),
        patient_key=patient_key,
    )
