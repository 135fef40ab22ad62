"""What is on the way for a route, a chain or a sink that the config has no more: it is held for a person.

Everything else goes on under the revision that decided it. Only what no worker has in hand is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hilum_core.queue.people import BY_HAND
from hilum_core.queue.records import Failure, Inventory
from hilum_core.queue.rows import chain_names, failure_detail, failure_text
from hilum_core.queue.schema import DELIVERIES_OPEN
from hilum_core.queue.session import Topic, reads, writes
from hilum_core.queue.states import DELIVERIES, GONE

_STRAND = DELIVERIES.moves["strand"]

WAYS = f"""
SELECT sink, route, chain, count(*) FROM deliveries WHERE {DELIVERIES_OPEN} AND {_STRAND.applies}
GROUP BY sink, route, chain
"""
ON_A_WAY = f"""
SELECT seq FROM deliveries
WHERE {DELIVERIES_OPEN} AND {_STRAND.applies} AND sink = ? AND route = ? AND chain = ?
"""
STRAND = f"""
UPDATE deliveries SET {_STRAND.changes}, due_at = 0, failure = ? WHERE seq = ? AND {_STRAND.applies}
RETURNING object, sink
"""


def why_stranded(inventory: Inventory, sink: str, route: str, chain: Sequence[str]) -> str:
    """Say what of a delivery's way the config has no more; empty if it has all.

    What a person ordered or released has no route; its chain is RENDER's to look for.
    """
    if sink not in inventory.sinks:
        return f"the sink {sink} is no longer in the config"
    if route == BY_HAND:
        return ""
    if route not in inventory.routes:
        return f"the route {route} is no longer in the config"
    gone = [name for name in chain if name not in inventory.transforms]
    return f"the transform {gone[0]} is no longer in the config" if gone else ""


class Stranding(Topic):
    """See `QueueStore`."""

    @reads
    def count_stranded(self, inventory: Inventory) -> Mapping[str, int]:
        """How many deliveries a config would strand, by reason."""
        counts: dict[str, int] = {}
        for sink, route, chain, number in self._db.rows(WAYS):
            if why := why_stranded(inventory, sink, route, chain_names(chain)):
                counts[why] = counts.get(why, 0) + number
        return counts

    @reads
    def find_stranded(self, inventory: Inventory) -> Sequence[tuple[int, str]]:
        """Those deliveries, each with the reason."""
        found: list[tuple[int, str]] = []
        for sink, route, chain, _ in self._db.rows(WAYS):
            if why := why_stranded(inventory, sink, route, chain_names(chain)):
                found += [(seq, why) for (seq,) in self._db.rows(ON_A_WAY, (sink, route, chain))]
        return found

    @writes
    def hold_stranded(self, stranded: Sequence[tuple[int, str]]) -> int:
        """Hold deliveries that were found, unless they moved on meanwhile."""
        held = 0
        for seq, why in stranded:
            failure = Failure(text=why, kind=GONE)
            row = self._db.row(STRAND, (failure_text(failure), seq))
            if row is not None:
                object_seq, sink = row
                detail = {"code": "gone", **failure_detail(failure)}
                self._db.log("held", object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)
                held += 1
        return held
