"""What people do to the queue. Each act is in the ledger with who and why, or refused as a whole.

What names deliveries by the thousand, chosen a moment ago, skips those that have moved on since.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

import attrs

from hilum_core.queue.errors import QueueRefusal
from hilum_core.queue.ordering import HAS_OTHER_VERSIONS, REVIVE_RENDERING, Ordered, Ordering
from hilum_core.queue.records import Acted, NewDelivery
from hilum_core.queue.rows import chain_names, delivery_id, delivery_seq
from hilum_core.queue.session import writes
from hilum_core.queue.states import DELIVERIES, GONE, OBJECTS, RENDERINGS, Move, advice
from hilum_core.spool.ids import is_object_id

_MOVES = DELIVERIES.moves
BY_HAND = "by hand"
"""The route of a delivery that a person ordered."""

_FIND_OBJECT = f"""
SELECT seq, state, patient_key, study_instance_uid, sop_instance_uid, {HAS_OTHER_VERSIONS}
FROM objects WHERE id = ?
"""
_FIND_DELIVERIES = """
SELECT d.seq, d.object, o.id, d.sink, d.chain, d.state, r.state
FROM deliveries d JOIN objects o ON o.seq = d.object LEFT JOIN renderings r ON r.seq = d.rendering
"""
_GO_ON = "due_at = 0, attempts = 0, crashes = 0, first_attempt_at = NULL"
_BY_HAND_IF_GONE = (
    f"route = CASE WHEN failure ->> 'kind' = '{GONE}' THEN '{BY_HAND}' ELSE route END, failure ="
    f" CASE WHEN failure ->> 'kind' = '{GONE}' THEN NULL ELSE failure END"
)
"""A person has decided that it goes on: no config strands it for its route again."""
_RETRY_RENDERING = f"""
UPDATE renderings SET {RENDERINGS.moves["retry"].changes}, {_GO_ON}
WHERE object = ? AND chain = ? AND {RENDERINGS.moves["retry"].applies}
"""
_RELEASE_OBJECT = f"""
UPDATE objects SET {OBJECTS.moves["release"].changes}, {_GO_ON}, released = 1, reason = ''
WHERE seq = ? AND {OBJECTS.moves["release"].applies}
"""
_RESUME_OBJECT = f"""
UPDATE objects SET {OBJECTS.moves["resume"].changes}, {_GO_ON}, released = 1, reason = ''
WHERE seq = ? AND {OBJECTS.moves["resume"].applies}
"""


@attrs.frozen(kw_only=True)
class _Object:
    seq: int
    object_id: str
    state: str
    affinity: str
    has_other_versions: bool

    @property
    def ordered(self) -> Ordered:
        return Ordered(
            seq=self.seq,
            object_id=self.object_id,
            affinity=self.affinity,
            has_other_versions=self.has_other_versions,
        )


@attrs.frozen
class _Delivery:
    seq: int
    object_seq: int
    object_id: str
    sink: str
    chain: str
    state: str
    rendering_state: str | None

    @property
    def name(self) -> str:
        return delivery_id(self.object_id, self.seq)

    @property
    def is_rendered(self) -> bool:
        return not self.chain or self.rendering_state == RENDERINGS.moves["render"].target


@attrs.frozen(kw_only=True)
class _Act:
    """Who does what, and why."""

    verb: str
    by: str
    because: str

    @property
    def detail(self) -> dict[str, object]:
        return {"because": self.because}


class People(Ordering):
    """See `QueueStore`."""

    @writes
    def retry(self, delivery_ids: Sequence[str], *, by: str, because: str) -> int:
        """Make dead or waiting deliveries due at once."""
        act = _Act(verb="retried", by=by, because=because)
        for name in delivery_ids:
            delivery = self._find_delivery(name)
            self._go_on(delivery, _MOVES["retry"], _MOVES["retry_unrendered"], act)
        return len(delivery_ids)

    @writes
    def retry_each(self, delivery_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `retry`, of those that it is possible for."""
        act = _Act(verb="retried", by=by, because=because)
        return self._each(
            delivery_ids, lambda one: self._go_on(one, _MOVES["retry"], _MOVES["retry_unrendered"], act)
        )

    @writes
    def cancel(self, any_ids: Sequence[str], *, by: str, because: str) -> Sequence[str]:
        """End deliveries, or all open ones of objects."""
        act = _Act(verb="cancelled", by=by, because=because)
        settled: list[str] = []
        for name in any_ids:
            if is_object_id(name):
                settled += self._cancel_object(self._find_object(name), act)
            else:
                delivery = self._find_delivery(name)
                self._cancel_delivery(delivery, act)
                settled += self._settle([delivery.object_seq])
        return settled

    @writes
    def cancel_each(self, delivery_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `cancel`, of those that it is possible for."""
        act = _Act(verb="cancelled", by=by, because=because)

        def cancel_one(delivery: _Delivery) -> None:
            self._cancel_delivery(delivery, act)
            self._settle([delivery.object_seq])

        return self._each(delivery_ids, cancel_one)

    @writes
    def redirect_each(self, delivery_ids: Sequence[str], sink: str, *, by: str, because: str) -> Acted:
        """Deliver to another sink instead, by the same chain; what is not possible is skipped."""
        act = _Act(verb="redirected", by=by, because=because)
        return self._each(delivery_ids, lambda one: self._redirect(one, sink, act))

    @writes
    def release(self, any_ids: Sequence[str], *, by: str, because: str, sinks: Sequence[str] = ()) -> int:
        """Let held deliveries or objects go on; with `sinks`, deliver held objects there as they came."""
        act = _Act(verb="released", by=by, because=because)
        released = 0
        for name in any_ids:
            if is_object_id(name):
                released += self._release_object(self._find_object(name), sinks, act)
            elif sinks:
                raise QueueRefusal(f"{name}: has its sink already; release its object to other sinks")
            else:
                self._go_on(self._find_delivery(name), _MOVES["release"], _MOVES["release_unrendered"], act)
                released += 1
        return released

    @writes
    def release_each(self, any_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `release`, of those that it is possible for."""
        act = _Act(verb="released", by=by, because=because)

        def release_one(name: str) -> None:
            if is_object_id(name):
                self._release_object(self._find_object(name), (), act)
            else:
                self._go_on(self._find_delivery(name), _MOVES["release"], _MOVES["release_unrendered"], act)

        return self._each_of(any_ids, release_one)

    @writes
    def cancel_held(self, any_ids: Sequence[str], *, by: str, because: str) -> Acted:
        """As `cancel`, of those that are still held."""
        act = _Act(verb="cancelled", by=by, because=because)

        def cancel_one(name: str) -> None:
            if is_object_id(name):
                found = self._find_object(name)
                self._expect(name, found.state, OBJECTS.moves["release"], act)
                self._cancel_object(found, act)
            else:
                delivery = self._find_delivery(name)
                self._expect(name, delivery.state, _MOVES["release"], act)
                self._cancel_delivery(delivery, act)
                self._settle([delivery.object_seq])

        return self._each_of(any_ids, cancel_one)

    def _each_of(self, names: Sequence[str], act: Callable[[str], None]) -> Acted:
        done = 0
        for name in names:
            with suppress(QueueRefusal):
                act(name)
                done += 1
        return Acted(done=done, skipped=len(names) - done)

    # ---- deliveries

    def _each(self, names: Sequence[str], act: Callable[[_Delivery], None]) -> Acted:
        # An act on a delivery is refused before it changes anything.
        return self._each_of(names, lambda name: act(self._find_delivery(name)))

    def _go_on(self, delivery: _Delivery, rendered: Move, unrendered: Move, act: _Act) -> None:
        """Make a delivery due with a fresh time to give up, from its rendering on if it needs one."""
        move = rendered if delivery.is_rendered else unrendered
        self._expect(delivery.name, delivery.state, move, act)
        successor = self._successor(delivery.object_seq, delivery.sink, delivery.chain)
        if successor:
            raise QueueRefusal(
                f"{delivery.name}: cannot be {act.verb}: {delivery.sink} has or will get a newer version of "
                f"this instance, object {successor}; cancel this delivery"
            )
        self._db.execute(
            f"UPDATE deliveries SET {move.changes}, {_GO_ON}, {_BY_HAND_IF_GONE}"
            f" WHERE seq = ? AND {move.applies}",
            (delivery.seq,),
        )
        if not delivery.is_rendered:
            self._db.execute(REVIVE_RENDERING, (delivery.object_seq, delivery.chain))
            self._db.execute(_RETRY_RENDERING, (delivery.object_seq, delivery.chain))
        self._log_act(delivery, act)

    def _cancel_delivery(self, delivery: _Delivery, act: _Act) -> None:
        move = _MOVES["cancel"]
        self._expect(delivery.name, delivery.state, move, act)
        self._db.execute(
            f"UPDATE deliveries SET {move.changes}, ended_at = ? WHERE seq = ? AND {move.applies}",
            (self._db.now, delivery.seq),
        )
        self._drop_renderings(delivery.object_seq)
        self._log_ended(
            move.target,
            object_seq=delivery.object_seq,
            delivery_seq=delivery.seq,
            sink=delivery.sink,
            detail=act.detail,
            by=act.by,
        )

    def _redirect(self, delivery: _Delivery, sink: str, act: _Act) -> None:
        self._expect(delivery.name, delivery.state, _MOVES["cancel"], act)
        if delivery.sink == sink:
            raise QueueRefusal(f"{delivery.name}: goes to {sink} already")
        found = self._find_object(delivery.object_id)
        self._log_act(delivery, attrs.evolve(act, because=f"to {sink}: {act.because}"))
        new = NewDelivery(sink=sink, route=BY_HAND, chain=chain_names(delivery.chain))
        touched = self._order(found.ordered, [new], 0, by=act.by)
        self._cancel_delivery(delivery, act)
        self._settle([*touched, delivery.object_seq])

    def _log_act(self, delivery: _Delivery, act: _Act) -> None:
        self._db.log(
            act.verb,
            object_seq=delivery.object_seq,
            delivery_seq=delivery.seq,
            sink=delivery.sink,
            by=act.by,
            detail=act.detail,
        )

    # ---- objects

    def _cancel_object(self, found: _Object, act: _Act) -> list[str]:
        move = OBJECTS.moves["cancel"]
        open_deliveries = [d for d in self._deliveries_of(found) if d.state in DELIVERIES.open]
        if found.state not in move.sources and not open_deliveries:
            raise _refusal(found.object_id, found.state, act)
        for delivery in open_deliveries:
            self._cancel_delivery(delivery, act)
        if found.state not in move.sources:
            return self._settle([found.seq])
        self._db.log(act.verb, object_seq=found.seq, by=act.by, detail=act.detail)
        self._db.execute(
            f"UPDATE objects SET {move.changes}, settled_at = ? WHERE seq = ? AND {move.applies}",
            (self._db.now, found.seq),
        )
        self._db.log("settled", object_seq=found.seq)
        return [found.object_id]

    def _release_object(self, found: _Object, sinks: Sequence[str], act: _Act) -> int:
        deliveries = self._deliveries_of(found)
        held = [d for d in deliveries if d.state in _MOVES["release"].sources]
        is_held = found.state in OBJECTS.moves["release"].sources
        if not is_held and (sinks or not held):
            raise _refusal(found.object_id, found.state, act)
        if is_held:
            self._db.execute(_RESUME_OBJECT if deliveries or sinks else _RELEASE_OBJECT, (found.seq,))
            detail = {**act.detail, "sinks": list(sinks)} if sinks else act.detail
            self._db.log(act.verb, object_seq=found.seq, by=act.by, detail=detail)
        for delivery in held:
            self._go_on(delivery, _MOVES["release"], _MOVES["release_unrendered"], act)
        if sinks:
            self._deliver_by_hand(found, sinks, act)
        self._settle([found.seq])
        return 1 if is_held else len(held)

    def _deliver_by_hand(self, found: _Object, sinks: Sequence[str], act: _Act) -> None:
        existing = {d.sink: d for d in self._deliveries_of(found) if not d.chain}
        for sink in sinks:
            if sink in existing:
                there = existing[sink]
                raise QueueRefusal(
                    f"{there.name}: goes to {sink} already and is {there.state}: {advice(there.state)}"
                )
            successor = self._successor(found.seq, sink, "")
            if successor:
                raise QueueRefusal(
                    f"{found.object_id}: {sink} has or will get a newer version of this instance, object "
                    f"{successor}; release that one, or cancel this one"
                )
        deliveries = [NewDelivery(sink=sink, route=BY_HAND) for sink in dict.fromkeys(sinks)]
        self._settle(self._order(found.ordered, deliveries, 0, by=act.by))

    # ---- finding

    def _find_object(self, object_id: str) -> _Object:
        row = self._db.row(_FIND_OBJECT, (object_id,))
        if row is None:
            raise QueueRefusal(
                f"{object_id}: no object has this id; `hilum queue list` shows those there are"
            )
        seq, state, patient_key, study_instance_uid, sop_instance_uid, has_other_versions = row
        affinity = patient_key or study_instance_uid or sop_instance_uid
        return _Object(
            seq=seq,
            object_id=object_id,
            state=state,
            affinity=affinity,
            has_other_versions=bool(has_other_versions),
        )

    def _find_delivery(self, name: str) -> _Delivery:
        row = self._db.row(f"{_FIND_DELIVERIES} WHERE d.seq = ?", (delivery_seq(name),))
        if row is None or delivery_id(row[2], row[0]) != name:
            raise QueueRefusal(f"{name}: no delivery has this id; `hilum queue show OBJECT` names them")
        return _Delivery(*row)

    def _deliveries_of(self, found: _Object) -> list[_Delivery]:
        rows = self._db.rows(f"{_FIND_DELIVERIES} WHERE d.object = ? ORDER BY d.seq", (found.seq,))
        return [_Delivery(*row) for row in rows]

    def _expect(self, name: str, state: str, move: Move, act: _Act) -> None:
        if state not in move.sources:
            raise _refusal(name, state, act)


def _refusal(name: str, state: str, act: _Act) -> QueueRefusal:
    return QueueRefusal(f"{name}: is {state} and cannot be {act.verb}: {advice(state)}")
