"""RENDER's side of the queue: one rendering per (object, chain), whatever number of deliveries share it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain as concatenated
from itertools import zip_longest
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
    ClaimedRendering,
    Rendered,
    RenderingDead,
    RenderingDeferred,
    RenderingDiscarded,
    RenderingHeld,
    RenderingOutcome,
)
from hilum_core.queue.rows import (
    STORED,
    STORED_WIDTH,
    chain_names,
    chain_text,
    failure_detail,
    failure_text,
    stored_object,
)
from hilum_core.queue.schema import RENDERINGS_OPEN
from hilum_core.queue.session import leases, writes
from hilum_core.queue.states import DELIVERIES, RENDERINGS, Move, is_one_of

_MOVES = RENDERINGS.moves
_WAITING = f"{RENDERINGS_OPEN} AND {_MOVES['claim'].applies}"

CHAINS_WAITING = f"""
WITH RECURSIVE chains (chain) AS (
    SELECT min(chain) FROM renderings WHERE {_WAITING}
    UNION ALL
    SELECT (SELECT min(chain) FROM renderings WHERE {_WAITING} AND chain > chains.chain)
    FROM chains WHERE chains.chain IS NOT NULL)
SELECT chain FROM chains WHERE chain IS NOT NULL
"""
"""The chains that have work, by one step of the index each."""

PROMOTE_RENDERINGS = f"""
UPDATE renderings SET due_at = 0 WHERE seq IN (
    SELECT seq FROM renderings WHERE {_WAITING} AND chain = ? AND due_at > ? AND due_at <= ?
    ORDER BY due_at LIMIT {MOST_PROMOTED})
"""
_OPEN_R = is_one_of(RENDERINGS.open, "r.state")
CANDIDATE_RENDERINGS = f"""
SELECT {STORED}, r.seq, r.crashes, r.attempts, r.lease_no, r.chain, r.revision, r.first_attempt_at,
    r.file_name
FROM renderings r JOIN objects o ON o.seq = r.object
WHERE {_OPEN_R} AND {is_one_of(_MOVES["claim"].sources, "r.state")} AND r.chain = ? AND r.due_at = 0
ORDER BY r.rank LIMIT ?
"""
NEXT_RENDERING_DUE = f"SELECT min(due_at) FROM renderings WHERE {_WAITING} AND chain = ?"
CLAIM_RENDERING = claim_sql("renderings", _MOVES["claim"])
PUT_BACK_RENDERING = put_back_sql("renderings", _MOVES["put_back"], "object, attempts").format(key="seq")


def _conclude_sql(move: Move) -> str:
    return (
        f"UPDATE renderings SET {move.changes}, file_name = ?, sop_class_uid = ?, sop_instance_uid = ?,"
        f" transfer_syntax_uid = ?, data_set_bytes = ?, deidentified = ?, verified = ?, identity = ?,"
        f" epoch = ?, failure = ?, lease_owner = 0, lease_until = NULL"
        f" WHERE seq = ? AND lease_owner = ? AND lease_no = ? AND {move.applies}"
        f" RETURNING object, chain"
    )


RENDER = _conclude_sql(_MOVES["render"])
HOLD_RENDERING = _conclude_sql(_MOVES["hold"])
DISCARD_RENDERING = _conclude_sql(_MOVES["discard"])
KILL_RENDERING = _conclude_sql(_MOVES["kill"])


def _deliveries_sql(move: Move) -> str:
    return (
        f"UPDATE deliveries SET {move.changes}, due_at = 0, failure = coalesce(?, failure), ended_at = ?"
        f" WHERE object = ? AND chain = ? AND {move.applies} RETURNING seq, sink"
    )


DELIVERIES_RENDERED = _deliveries_sql(DELIVERIES.moves["rendered"])
DELIVERIES_HELD = _deliveries_sql(DELIVERIES.moves["hold"])
DELIVERIES_DISCARDED = _deliveries_sql(DELIVERIES.moves["discard"])
DELIVERIES_KILLED = _deliveries_sql(DELIVERIES.moves["kill_unrendered"])


class Renderings(Attempts):
    """See `QueueStore`."""

    _last_chain = ""

    @leases
    def claim_renderings(
        self, limit: int, *, busy: Collection[tuple[str, ...]] = ()
    ) -> Sequence[ClaimedRendering]:
        """Lease renderings that are due, taking turns between chains."""
        now = self._db.now
        left_out = {chain_text(chain) for chain in busy}
        chains = [row[0] for row in self._db.rows(CHAINS_WAITING) if row[0] not in left_out]
        turns = []
        for chain in _after(self._last_chain, chains):
            self._db.many(PROMOTE_RENDERINGS, [(chain, *span) for span in spans_due(now)])
            turns.append(self._db.rows(CANDIDATE_RENDERINGS, (chain, max(0, limit))))
        rows = choose(_take_turns(turns, max(0, limit)), STORED_WIDTH + 1)
        if rows:
            self._last_chain = rows[-1][STORED_WIDTH + 4]
        self._db.many(
            CLAIM_RENDERING, [(now, self._db.incarnation, now + LEASE_US, row[STORED_WIDTH]) for row in rows]
        )
        return [_claimed(row, now) for row in rows]

    @writes
    def settle_renderings(self, outcomes: Sequence[RenderingOutcome]) -> Sequence[str]:
        """Record renderings and move their deliveries on."""
        touched: list[int] = []
        for outcome in outcomes:
            match outcome:
                case Rendered():
                    self._rendered(outcome)
                case RenderingHeld():
                    detail = {"code": outcome.code, **failure_detail(outcome.failure)}
                    self._stopped(outcome, HOLD_RENDERING, DELIVERIES_HELD, "held", detail)
                case RenderingDead():
                    detail = failure_detail(outcome.failure)
                    self._stopped(outcome, KILL_RENDERING, DELIVERIES_KILLED, "dead", detail)
                case RenderingDiscarded():
                    touched += self._discarded(outcome)
                case RenderingDeferred():
                    self._deferred(outcome)
        return self._settle(touched)

    def _rendered(self, outcome: Rendered) -> None:
        made = outcome.rendering
        row = self._db.row(
            RENDER,
            (
                made.file_name,
                made.sop_class_uid,
                made.sop_instance_uid,
                made.transfer_syntax_uid,
                made.data_set_bytes,
                int(made.deidentified),
                int(made.verified),
                made.identity,
                self._db.epoch,
                None,
                *self._key(outcome),
            ),
        )
        if row is None:
            return
        object_seq, chain = row
        moved = self._db.rows(DELIVERIES_RENDERED, (None, None, object_seq, chain))
        detail: dict[str, object] = {"chain": chain_names(chain), "sinks": [sink for _, sink in moved]}
        if made.deidentified:
            detail["deidentified"] = True
        if outcome.changed:
            detail["changed"] = list(outcome.changed)
        if outcome.plugins:
            detail["plugins"] = list(outcome.plugins)
        if made.identity:
            detail["identity"] = made.identity
        if outcome.notes:
            detail["notes"] = dict(outcome.notes)
        self._db.log("rendered", object_seq=object_seq, detail=detail)

    def _stopped(
        self,
        outcome: RenderingHeld | RenderingDead,
        rendering_sql: str,
        deliveries_sql: str,
        kind: str,
        detail: Mapping[str, object],
    ) -> None:
        """End a rendering without a file; its deliveries stay, with the reason."""
        text = failure_text(outcome.failure)
        row = self._db.row(rendering_sql, (*_NO_FILE, "", text, *self._key(outcome)))
        if row is None:
            return
        object_seq, chain = row
        for seq, sink in self._db.rows(deliveries_sql, (text, None, object_seq, chain)):
            self._db.log(kind, object_seq=object_seq, delivery_seq=seq, sink=sink, detail=detail)

    def _discarded(self, outcome: RenderingDiscarded) -> list[int]:
        row = self._db.row(DISCARD_RENDERING, (*_NO_FILE, "", None, *self._key(outcome)))
        if row is None:
            return []
        object_seq, chain = row
        state = DELIVERIES.moves["discard"].target
        for seq, sink in self._db.rows(DELIVERIES_DISCARDED, (None, self._db.now, object_seq, chain)):
            self._log_ended(
                state, object_seq=object_seq, delivery_seq=seq, sink=sink, detail={"rule": outcome.rule}
            )
        return [object_seq]

    def _deferred(self, outcome: RenderingDeferred) -> None:
        due_at = due(outcome.not_before, self._db.now)
        row = self._db.row(PUT_BACK_RENDERING, self._put_back_values(outcome, outcome.rendering_id, due_at))
        if row is None:
            return
        object_seq, attempts = row
        self._log_deferred(outcome, stage="render", object_seq=object_seq, attempts=attempts, due_at=due_at)
        self._drop_renderings(object_seq)  # a person may have cancelled what it was for

    def _key(self, outcome: Rendered | RenderingHeld | RenderingDead | RenderingDiscarded) -> tuple[int, ...]:
        return (outcome.rendering_id, self._db.incarnation, outcome.lease_no)


_NO_FILE = (None,) * 8


def _after(last: str, chains: Sequence[str]) -> list[str]:
    """The chains in turn, beginning after the one that was served last."""
    return [chain for chain in chains if chain > last] + [chain for chain in chains if chain <= last]


def _take_turns(by_chain: Sequence[Sequence[Any]], limit: int) -> list[Any]:
    """One of each chain, then a second of each, and so on."""
    turns = concatenated.from_iterable(zip_longest(*by_chain))
    return [row for row in turns if row is not None][:limit]


def _claimed(row: Sequence[Any], now: int) -> ClaimedRendering:
    seq, crashes, attempts, lease_no, chain, revision, first_attempt_at, file_name = row[STORED_WIDTH:]
    return ClaimedRendering(
        rendering_id=seq,
        stored=stored_object(row),
        chain=chain_names(chain),
        revision=revision,
        lease_no=lease_no + 1,
        attempt=attempts + 1,
        crashes=crashes,
        first_attempt_at=from_microseconds(now if first_attempt_at is None else first_attempt_at),
        made_before=file_name,
    )
