"""What is told of attempts that failed."""

from __future__ import annotations

from hilum_core.clock import from_microseconds
from hilum_core.queue.claiming import is_worth_telling
from hilum_core.queue.records import DeliveryDeferred, RenderingDeferred, RoutingDeferred
from hilum_core.queue.rows import failure_detail, failure_text
from hilum_core.queue.settling import Settling

Deferred = RoutingDeferred | RenderingDeferred | DeliveryDeferred


class Attempts(Settling):
    """Gives leases back, and tells of it where it is worth a line."""

    def _put_back_values(self, outcome: Deferred, key: object, due_at: int) -> tuple[object, ...]:
        """What `claiming.put_back_sql` binds."""
        return (
            due_at,
            0 if outcome.spent else 1,
            1 if outcome.crashed else 0,
            failure_text(outcome.failure),
            key,
            self._db.incarnation,
            outcome.lease_no,
        )

    def _log_deferred(
        self,
        outcome: Deferred,
        *,
        stage: str,
        attempts: int,
        due_at: int,
        object_seq: int,
        delivery_seq: int | None = None,
        sink: str | None = None,
    ) -> None:
        if outcome.failure is None or not (outcome.spent or outcome.crashed):
            return
        if not is_worth_telling(attempts, crashed=outcome.crashed):
            return
        detail = {
            "stage": stage,
            "attempt": attempts,
            "again_at": from_microseconds(due_at or self._db.now).isoformat(timespec="seconds"),
            **failure_detail(outcome.failure),
        }
        kind = "deferred" if outcome.failure.status is None else "refused"
        self._db.log(kind, object_seq=object_seq, delivery_seq=delivery_seq, sink=sink, detail=detail)
