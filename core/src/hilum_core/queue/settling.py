"""The end of things: when an object has no open delivery left, and which version outlives another.

An instance may come more than once with other bytes. Per (sink, chain) the newest wins: what is older and
not yet in a worker's hand ends as superseded, so that an archive never gets the older version last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hilum_core.queue.schema import DELIVERIES_OPEN
from hilum_core.queue.session import Topic
from hilum_core.queue.states import DELIVERIES, OBJECTS, RENDERINGS, TAKEN, UNFINISHED, is_one_of

_SETTLE = f"""
UPDATE objects SET {OBJECTS.moves["settle"].changes}, settled_at = ?
WHERE seq = ? AND {OBJECTS.moves["settle"].applies}
    AND NOT EXISTS (SELECT 1 FROM deliveries WHERE object = objects.seq AND {DELIVERIES_OPEN})
RETURNING seq, id
"""

_SUCCESSOR = f"""
SELECT n.id FROM objects o
JOIN objects n ON n.sop_instance_uid = o.sop_instance_uid AND n.id > o.id AND n.checksum <> o.checksum
JOIN deliveries d ON d.object = n.seq AND d.sink = ? AND d.chain = ?
WHERE o.seq = ? AND {is_one_of((*UNFINISHED, *TAKEN), "d.state")}
ORDER BY n.id LIMIT 1
"""

_PREDECESSORS = f"""
SELECT d.seq, p.seq FROM objects o
JOIN objects p ON p.sop_instance_uid = o.sop_instance_uid AND p.id < o.id AND p.checksum <> o.checksum
JOIN deliveries d ON d.object = p.seq AND d.sink = ? AND d.chain = ?
WHERE o.seq = ? AND {is_one_of(DELIVERIES.moves["supersede"].sources, "d.state")}
"""

_SUPERSEDE = f"""
UPDATE deliveries SET {DELIVERIES.moves["supersede"].changes}, ended_at = ?
WHERE seq = ? AND {DELIVERIES.moves["supersede"].applies}
"""

_DROP = f"""
UPDATE renderings SET {RENDERINGS.moves["drop"].changes}
WHERE object = ? AND {RENDERINGS.moves["drop"].applies} AND NOT EXISTS (
    SELECT 1 FROM deliveries d
    WHERE d.object = renderings.object AND d.chain = renderings.chain
        AND {is_one_of(DELIVERIES.open, "d.state")})
"""


class Settling(Topic):
    """Ends deliveries and objects, in the transaction of whoever moved them."""

    def _settle(self, object_seqs: Iterable[int]) -> list[str]:
        """Settle those of the objects that have no open delivery; returns their ids."""
        now = self._db.now
        settled = self._db.many(_SETTLE, [(now, seq) for seq in dict.fromkeys(object_seqs)])
        for seq, _ in settled:
            self._db.log("settled", object_seq=seq)
        return [object_id for _, object_id in settled]

    def _successor(self, object_seq: int, sink: str, chain: str) -> str | None:
        """A newer object with other bytes of the same instance that the sink has, or will get."""
        row = self._db.row(_SUCCESSOR, (sink, chain, object_seq))
        return row[0] if row else None

    def _supersede_older(self, object_seq: int, object_id: str, sink: str, chain: str) -> list[int]:
        """End what the object takes the place of; returns the objects that lost a delivery."""
        older: list[Any] = self._db.rows(_PREDECESSORS, (sink, chain, object_seq))
        for delivery_seq, older_seq in older:
            self._supersede(delivery_seq, older_seq, sink, by_object=object_id)
        return [older_seq for _, older_seq in older]

    def _supersede_if_older(self, object_seq: int, delivery_seq: int, sink: str, chain: str) -> list[int]:
        """End a delivery that came back out of a worker's hand, if a newer version came meanwhile."""
        successor = self._successor(object_seq, sink, chain)
        if successor is None:
            return []
        self._supersede(delivery_seq, object_seq, sink, by_object=successor)
        return [object_seq]

    def _supersede(self, delivery_seq: int, object_seq: int, sink: str, *, by_object: str) -> None:
        self._db.execute(_SUPERSEDE, (self._db.now, delivery_seq))
        self._drop_renderings(object_seq)
        target = DELIVERIES.moves["supersede"].target
        self._log_ended(
            target,
            object_seq=object_seq,
            delivery_seq=delivery_seq,
            sink=sink,
            detail={"by_object": by_object},
        )

    def _log_ended(
        self,
        state: str,
        *,
        object_seq: int,
        delivery_seq: int,
        sink: str,
        detail: Mapping[str, object],
        by: str | None = None,
    ) -> None:
        """Record that a delivery ended in this state, which is also what the ledger calls it."""
        self._db.count_ended(sink, state)
        self._db.log(state, object_seq=object_seq, delivery_seq=delivery_seq, sink=sink, by=by, detail=detail)

    def _drop_renderings(self, object_seq: int) -> None:
        """Take away renderings of the object that no open delivery wants."""
        self._db.execute(_DROP, (object_seq,))
