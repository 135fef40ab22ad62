"""What was rendered before the router started, or before it took its config: whether it may still be sent.

A rendering has an *identity*, of all that made it: the settings of its chain, distributions with versions,
outside input. It is good for one *epoch*: a start of the router, or of a config. In the next one it waits
until RENDER has compared it with what the chain would make now. What is the same goes on. What is not is
rendered anew for all sinks that have not taken it; the ledger names those that have, and keep theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hilum_core.queue.records import Compared
from hilum_core.queue.rows import chain_names, chain_text
from hilum_core.queue.session import Topic, reads, writes
from hilum_core.queue.states import CLAIMED, DELIVERIES, RENDERINGS, TAKEN, is_one_of

_OUTDATE = RENDERINGS.moves["outdate"]
_UNRENDER = DELIVERIES.moves["unrender"]
_WAITS = f"{is_one_of(_UNRENDER.sources, 'd.state')} AND d.rendering IS NOT NULL"


_IN_HAND = (
    f"EXISTS (SELECT 1 FROM deliveries q WHERE q.object = r.object AND q.chain = r.chain"
    f" AND {is_one_of((CLAIMED['deliveries'],), 'q.state')})"
)

CHAINS_TO_COMPARE = f"""
SELECT DISTINCT d.chain FROM deliveries d JOIN renderings r ON r.seq = d.rendering
WHERE {_WAITS} AND d.chain > '' AND r.epoch <> ? AND NOT {_IN_HAND}
"""
TO_COMPARE = f"""
SELECT DISTINCT r.seq, r.object, coalesce(r.identity, '')
FROM deliveries d JOIN renderings r ON r.seq = d.rendering
WHERE {_WAITS} AND d.chain = ? AND r.epoch <> ? AND NOT {_IN_HAND} LIMIT ?
"""
TAKEN_BY = f"""
SELECT sink FROM deliveries WHERE object = ? AND chain = ? AND {is_one_of(TAKEN)} ORDER BY seq
"""
VOUCH = "UPDATE renderings SET epoch = ? WHERE seq = ?"
OUTDATE = f"""
UPDATE renderings SET {_OUTDATE.changes}, due_at = 0, attempts = 0, crashes = 0, first_attempt_at = NULL
WHERE seq = ? AND {_OUTDATE.applies}
"""
UNRENDER = f"""
UPDATE deliveries SET {_UNRENDER.changes}, due_at = 0 WHERE object = ? AND chain = ? AND {_UNRENDER.applies}
"""


NOTE_TRANSFORM = """
INSERT INTO transforms (name, deidentifies) VALUES (?, ?)
ON CONFLICT (name) DO UPDATE SET deidentifies = max(deidentifies, excluded.deidentifies)
"""


class Outdating(Topic):
    """See `QueueStore`."""

    @writes
    def note_transforms(self, deidentifying: Mapping[str, bool]) -> None:
        """Keep of transforms whether they de-identify, or have done so under this name."""
        self._db.many(NOTE_TRANSFORM, [(name, int(it_does)) for name, it_does in deidentifying.items()])

    @reads
    def chains_to_compare(self) -> Sequence[tuple[str, ...]]:
        """The chains of which something waits that nobody has compared in this epoch."""
        return [chain_names(chain) for (chain,) in self._db.rows(CHAINS_TO_COMPARE, (self._db.epoch,))]

    @writes
    def compare_renderings(
        self, chain: tuple[str, ...], identity: str | None, *, limit: int = 500
    ) -> Compared:
        """Compare some of a chain's with what the chain is now."""
        text, epoch = chain_text(chain), self._db.epoch
        rows = self._db.rows(TO_COMPARE, (text, epoch, limit))
        outdated = 0
        for seq, object_seq, made_by in rows:
            if identity in (None, made_by):
                self._db.execute(VOUCH, (epoch, seq))
                continue
            self._db.execute(OUTDATE, (seq,))
            self._db.execute(UNRENDER, (object_seq, text))
            detail: dict[str, object] = {"chain": list(chain), "identity": made_by}
            if taken_by := [sink for (sink,) in self._db.rows(TAKEN_BY, (object_seq, text))]:
                detail["taken_by"] = taken_by
            self._db.log("rendering outdated", object_seq=object_seq, detail=detail)
            outdated += 1
        return Compared(number=len(rows), outdated=outdated)
