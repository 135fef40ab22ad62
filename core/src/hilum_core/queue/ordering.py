"""How deliveries come to be: by routes, or by the hand of a person."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import attrs

from hilum_core.queue.records import NewDelivery
from hilum_core.queue.rows import chain_text
from hilum_core.queue.settling import Settling
from hilum_core.queue.states import DELIVERIES, RENDERINGS
from hilum_core.spool.ids import received_us

HAS_OTHER_VERSIONS = """EXISTS (
    SELECT 1 FROM objects p WHERE p.sop_instance_uid = objects.sop_instance_uid AND p.seq <> objects.seq)"""
ORDER_RENDERING = f"""
INSERT INTO renderings (object, chain, state, rank, revision)
VALUES (?, ?, '{RENDERINGS.entries["order"]}', ?, ?)
ON CONFLICT (object, chain) DO NOTHING
"""
REVIVE_RENDERING = f"""
UPDATE renderings SET {RENDERINGS.moves["revive"].changes}, due_at = 0, attempts = 0, crashes = 0,
    first_attempt_at = NULL
WHERE object = ? AND chain = ? AND {RENDERINGS.moves["revive"].applies}
"""
FIND_RENDERING = "SELECT seq, state FROM renderings WHERE object = ? AND chain = ?"
ADD_DELIVERY = """
INSERT INTO deliveries (object, sink, chain, route, state, rank, shard_key, rendering, revision, ended_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (object, sink, chain) DO NOTHING RETURNING seq
"""


@attrs.frozen(kw_only=True)
class Ordered:
    """An object that deliveries are ordered for.

    ``affinity`` is equal for objects of one patient. ``has_other_versions``: the instance came more
    than once.
    """

    seq: int
    object_id: str
    affinity: str
    has_other_versions: bool


class Ordering(Settling):
    """Orders deliveries and the renderings that they need."""

    def _order(
        self, order: Ordered, deliveries: Sequence[NewDelivery], revision: int, *, by: str | None = None
    ) -> list[int]:
        """Add deliveries; returns objects to settle: this one if none is open, others that lost one."""
        touched: list[int] = []
        is_open = False
        for delivery in deliveries:
            chain = chain_text(delivery.chain)
            successor = self._successor(order.seq, delivery.sink, chain) if order.has_other_versions else None
            added = self._add(order, delivery, chain, revision, successor)
            if added is None:
                continue
            if successor:
                self._log_ended(
                    DELIVERIES.entries["too_old"],
                    object_seq=order.seq,
                    delivery_seq=added,
                    sink=delivery.sink,
                    detail={"by_object": successor},
                    by=by,
                )
                continue
            is_open = True
            if order.has_other_versions:
                touched += self._supersede_older(order.seq, order.object_id, delivery.sink, chain)
        return touched if is_open else [*touched, order.seq]

    def _add(
        self, order: Ordered, delivery: NewDelivery, chain: str, revision: int, successor: str | None
    ) -> int | None:
        """Add one delivery; None if (object, sink, chain) has one."""
        rendering, entry = None, "queue"
        if successor:
            entry = "too_old"
        elif chain:
            rendering, rendered = self._order_rendering(order, chain, revision)
            entry = "queue" if rendered else "order"
        row = self._db.row(
            ADD_DELIVERY,
            (
                order.seq,
                delivery.sink,
                chain,
                delivery.route,
                DELIVERIES.entries[entry],
                received_us(order.object_id),
                zlib.crc32(order.affinity.encode()),
                rendering,
                revision,
                self._db.now if successor else None,
            ),
        )
        return row[0] if row else None

    def _order_rendering(self, order: Ordered, chain: str, revision: int) -> tuple[int, bool]:
        """See that the chain will be applied; returns the rendering, and whether it is there already."""
        self._db.execute(ORDER_RENDERING, (order.seq, chain, received_us(order.object_id), revision))
        self._db.execute(REVIVE_RENDERING, (order.seq, chain))
        seq, state = self._db.row(FIND_RENDERING, (order.seq, chain))
        return seq, state == RENDERINGS.moves["render"].target
