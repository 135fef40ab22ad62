"""ROUTE's side of the queue: objects to look at, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from hilum_core.queue.ordering import HAS_OTHER_VERSIONS, Ordered, Ordering
from hilum_core.queue.records import (
    ClaimedObject,
    HeaderFacts,
    Routed,
    RoutingDeferred,
    RoutingDiscarded,
    RoutingHeld,
    RoutingOutcome,
)
from hilum_core.queue.rows import (
    STORED,
    STORED_WIDTH,
    failure_detail,
    failure_text,
    placeholders,
    stored_object,
)
from hilum_core.queue.schema import OBJECTS_LISTED
from hilum_core.queue.session import leases, reads, writes
from hilum_core.queue.states import OBJECTS, TAKEN, Move, is_one_of

_MOVES = OBJECTS.moves
_WAITING = f"{OBJECTS_LISTED} AND {_MOVES['claim'].applies}"

PROMOTE_OBJECTS = f"""
UPDATE objects SET due_at = 0 WHERE seq IN (
    SELECT seq FROM objects WHERE {_WAITING} AND due_at > ? AND due_at <= ?
    ORDER BY due_at LIMIT {MOST_PROMOTED})
"""
CANDIDATE_OBJECTS = f"""
SELECT {STORED}, o.seq, o.crashes, o.attempts, o.lease_no, o.released, o.first_attempt_at FROM objects o
WHERE {_WAITING} AND due_at = 0 ORDER BY id LIMIT ?
"""
NEXT_OBJECT_DUE = f"SELECT min(due_at) FROM objects WHERE {_WAITING}"
CLAIM_OBJECT = claim_sql("objects", _MOVES["claim"])
PUT_BACK_OBJECT = put_back_sql("objects", _MOVES["put_back"], "seq, attempts").format(key="id")


def _conclude_sql(move: Move) -> str:
    return (
        f"UPDATE objects SET {move.changes}, study_instance_uid = ?, series_instance_uid = ?, modality = ?,"
        f" patient_key = ?, reason = ?, failure = ?, settled_at = ?, lease_owner = 0, lease_until = NULL"
        f" WHERE id = ? AND lease_owner = ? AND lease_no = ? AND {move.applies}"
        f" RETURNING seq, sop_instance_uid, {HAS_OTHER_VERSIONS}"
    )


ROUTE_OBJECT = _conclude_sql(_MOVES["route"])
HOLD_OBJECT = _conclude_sql(_MOVES["hold"])
DISCARD_OBJECT = _conclude_sql(_MOVES["discard"])


class Routing(Attempts, Ordering):
    """See `QueueStore`."""

    @leases
    def claim_objects(self, limit: int) -> Sequence[ClaimedObject]:
        """Lease objects that are due, oldest first."""
        now = self._db.now
        self._db.many(PROMOTE_OBJECTS, spans_due(now))
        rows = choose(self._db.rows(CANDIDATE_OBJECTS, (max(0, limit),)), STORED_WIDTH + 1)
        self._db.many(
            CLAIM_OBJECT, [(now, self._db.incarnation, now + LEASE_US, row[STORED_WIDTH]) for row in rows]
        )
        return [_claimed(row, now) for row in rows]

    @writes
    def settle_routings(self, outcomes: Sequence[RoutingOutcome]) -> Sequence[str]:
        """Record what became of leased objects."""
        touched: list[int] = []
        settled: list[str] = []
        for outcome in outcomes:
            match outcome:
                case Routed():
                    touched += self._routed(outcome)
                case RoutingHeld():
                    self._held(outcome)
                case RoutingDiscarded():
                    settled += self._discarded(outcome)
                case RoutingDeferred():
                    self._deferred(outcome)
        return settled + self._settle(touched)

    @reads
    def delivered_to(self, sinks: Collection[str], sop_instance_uid: str, checksum: int) -> bool:
        """Whether these bytes were already delivered, as they came, through one of the sinks."""
        query = (
            f"SELECT 1 FROM objects o JOIN deliveries d ON d.object = o.seq AND d.chain = ''"
            f" AND d.sink IN ({placeholders(sinks)}) AND {is_one_of(TAKEN, 'd.state')}"
            f" WHERE o.sop_instance_uid = ? AND o.checksum = ? LIMIT 1"
        )
        return self._db.row(query, (*sinks, sop_instance_uid, checksum)) is not None

    def _routed(self, outcome: Routed) -> list[int]:
        row = self._db.row(ROUTE_OBJECT, self._conclusion(outcome, outcome.facts))
        if row is None:
            return []
        seq, sop_instance_uid, has_other_versions = row
        detail: dict[str, object] = {
            "routes": [[match.route, match.why] for match in outcome.matches],
            "sinks": [delivery.sink for delivery in outcome.deliveries],
            "revision": outcome.revision,
        }
        if outcome.notes:
            detail["notes"] = outcome.notes
        self._db.log("routed", object_seq=seq, detail=detail)
        affinity = outcome.facts.patient_key or outcome.facts.study_instance_uid or sop_instance_uid
        order = Ordered(
            seq=seq,
            object_id=outcome.object_id,
            affinity=affinity,
            has_other_versions=bool(has_other_versions),
        )
        return self._order(order, outcome.deliveries, outcome.revision)

    def _held(self, outcome: RoutingHeld) -> None:
        reason = f"{outcome.code}: {outcome.failure.text}"
        values = self._conclusion(
            outcome, outcome.facts, reason=reason, failure=failure_text(outcome.failure)
        )
        row = self._db.row(HOLD_OBJECT, values)
        if row is not None:
            detail = {"code": outcome.code, **failure_detail(outcome.failure)}
            self._db.log("held", object_seq=row[0], detail=detail)

    def _discarded(self, outcome: RoutingDiscarded) -> list[str]:
        values = self._conclusion(outcome, outcome.facts, reason=outcome.rule, settled_at=self._db.now)
        row = self._db.row(DISCARD_OBJECT, values)
        if row is None:
            return []
        self._db.log("discarded", object_seq=row[0], detail={"rule": outcome.rule})
        self._db.log("settled", object_seq=row[0])
        return [outcome.object_id]

    def _deferred(self, outcome: RoutingDeferred) -> None:
        due_at = due(outcome.not_before, self._db.now)
        row = self._db.row(PUT_BACK_OBJECT, self._put_back_values(outcome, outcome.object_id, due_at))
        if row is not None:
            self._log_deferred(outcome, stage="route", object_seq=row[0], attempts=row[1], due_at=due_at)

    def _conclusion(
        self,
        outcome: Routed | RoutingHeld | RoutingDiscarded,
        facts: HeaderFacts,
        *,
        reason: str = "",
        failure: str | None = None,
        settled_at: int | None = None,
    ) -> tuple[object, ...]:
        return (
            facts.study_instance_uid,
            facts.series_instance_uid,
            facts.modality,
            facts.patient_key,
            reason,
            failure,
            settled_at,
            outcome.object_id,
            self._db.incarnation,
            outcome.lease_no,
        )


def _claimed(row: Sequence[Any], now: int) -> ClaimedObject:
    _, crashes, attempts, lease_no, released, first_attempt_at = row[STORED_WIDTH:]
    return ClaimedObject(
        stored=stored_object(row),
        lease_no=lease_no + 1,
        attempt=attempts + 1,
        crashes=crashes,
        first_attempt_at=from_microseconds(now if first_attempt_at is None else first_attempt_at),
        released=bool(released),
    )
