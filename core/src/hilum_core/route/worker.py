"""The worker of ROUTE: reads headers, asks filters. `python -m hilum_core.route.worker`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import attrs

from hilum_core.crash_points import reach
from hilum_core.log import describe_exception
from hilum_core.queue.records import (
    ClaimedObject,
    Failure,
    HeaderFacts,
    Routed,
    RoutingDiscarded,
    RoutingHeld,
)
from hilum_core.route.apart import FiltersApart, NotAnswered, ObjectAtHand
from hilum_core.route.decide import Decision, RoutingPlan, decide
from hilum_core.route.headers import check_needs, facts_of, header_of, mismatch, tags_to_read
from hilum_core.route.isolated import sound_answer
from hilum_core.route.patient_key import PatientKeys
from hilum_core.spool import SpoolDamage
from hilum_core.workers.failures import failure_of, local_failure, retry_after_s
from hilum_core.workers.isolation import Ended
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack
from hilum_sdk import Filter, TemporaryError
from hilum_sdk.elements import ElementsError

_CLOSE_WITHIN = timedelta(seconds=5)


class RouteWorker:
    """Looks at one object after another; one that waits for an isolated filter is left aside meanwhile."""

    def __init__(self, session: WorkerSession) -> None:
        self._session = session
        self._filters: dict[str, Filter] = {}
        made, broken = session.create_all("filters", inspect=check_needs)
        for name, component in made.items():
            assert isinstance(component, Filter)
            self._filters[name] = component
        config, composition = session.config, session.composition
        self._broken = {
            **{f"filters.{name}": reason for name, reason in broken.items()},
            **{label: reason for label, reason in config.broken.items() if label.startswith("routes[")},
        }
        self._plan = RoutingPlan(
            routes=config.routes,
            sink_peers=composition.sink_peers,
            broken=self._broken,
            unmatched=config.router.unmatched,
        )
        self._needs = tags_to_read(self._filters.values())
        self._patient_keys = PatientKeys.of(session.arguments.state_dir)
        self._is_in = False
        self._apart = FiltersApart(
            session,
            composition.isolated.values(),
            decide=self._decide_again,
            conclude=self._conclude,
            changed=self._take_stock,
        )

    def run(self) -> None:
        """Work until the coordinator says stop."""
        session = self._session
        self._apart.settle_in()
        self._is_in = True
        self._take_stock()
        while (item := session.next_item()) is not None:
            session.begin(item["id"])
            reach("route.worker.begun")
            self._look_at(item)
        self._apart.give_all_back()
        session.flush()
        self._apart.close(_CLOSE_WITHIN)
        for name, component in self._filters.items():
            session.close(component, label=f"filters.{name}")
        session.end()

    def _take_stock(self) -> None:
        """Tell the coordinator which filters cannot be used; again whenever that changes."""
        self._plan = attrs.evolve(self._plan, broken={**self._broken, **self._apart.broken})
        if self._is_in:
            self._session.send({"hello": {"broken": dict(self._plan.broken)}})

    def _look_at(self, item: Message) -> None:
        claimed = unpack(item["claimed"], ClaimedObject)
        instance = claimed.stored.instance
        facts = HeaderFacts()
        try:
            header = header_of(Path(item["path"]), instance, self._needs)
            facts = facts_of(header, self._patient_keys)
        except (ElementsError, SpoolDamage) as error:
            return self._session.done(item["id"], _unreadable(claimed, str(error)))
        except MemoryError:
            raise
        except OSError as error:  # no descriptor left, say: nothing is wrong with the object
            failed: Message = {"failed": pack(local_failure(error, blame="route")), "retry_after": None}
            return self._session.done(item["id"], failed)
        except Exception as error:  # noqa: BLE001 - a header that breaks the reader is kept, not lost
            return self._session.done(item["id"], _unreadable(claimed, describe_exception(error)))
        if not claimed.released and (reason := mismatch(header, instance)):
            return self._session.done(item["id"], _held(claimed, "mismatch", reason, facts))
        at_hand = ObjectAtHand(
            item_id=item["id"], path=item["path"], claimed=claimed, header=header, facts=facts
        )
        return self._decide(at_hand)

    def _decide_again(self, at_hand: ObjectAtHand) -> None:
        self._session.begin(at_hand.item_id)
        self._decide(at_hand)

    def _decide(self, at_hand: ObjectAtHand) -> None:
        """Decide, or leave the object aside; the decision is pure, so it can be begun anew."""
        try:
            outcome = self._outcome(at_hand)
        except NotAnswered:
            self._session.put_aside(at_hand.item_id)
        except Ended as ended:
            self._conclude(at_hand, ended.message)
        else:
            self._conclude(at_hand, outcome)

    def _conclude(self, at_hand: ObjectAtHand, outcome: Message) -> None:
        if "unreadable" in outcome:  # no further than an isolated filter has to read
            outcome = _unreadable(at_hand.claimed, outcome["unreadable"], at_hand.facts)
        reach("route.worker.decided")
        self._session.done(at_hand.item_id, outcome)

    def _outcome(self, at_hand: ObjectAtHand) -> Message:
        claimed, facts = at_hand.claimed, at_hand.facts
        instance = claimed.stored.instance
        try:
            decision = decide(self._plan, instance, self._matcher(at_hand))
        except TemporaryError as error:
            return {"failed": pack(failure_of(error, blame="config")), "retry_after": None}
        if not decision.matches:
            if self._plan.unmatched == "discard":
                record = RoutingDiscarded(
                    object_id=instance.id, lease_no=claimed.lease_no, rule="no route matched", facts=facts
                )
                return {"discarded": pack(record)}
            return _held(claimed, "unmatched", "no route matched", facts)
        if not decision.deliveries:
            return _held(claimed, "returned", _why_returned(decision), facts)
        routed = Routed(
            object_id=instance.id,
            lease_no=claimed.lease_no,
            facts=facts,
            matches=decision.matches,
            deliveries=decision.deliveries,
            revision=self._session.arguments.revision,
            notes=decision.notes,
        )
        return {"routed": pack(routed), "return_sinks": self._return_sinks(claimed)}

    def _matcher(self, at_hand: ObjectAtHand) -> Callable[[str], bool]:
        """What a filter says of an object, asked once.

        Raises `Ended` where none can say, and `NotAnswered` where one will.
        """

        def matches(name: str) -> bool:
            if name not in at_hand.answers:
                if name not in self._filters:
                    self._apart.put_question(name, at_hand)
                    raise NotAnswered
                at_hand.answers[name] = self._ask(name, at_hand)
            return at_hand.answers[name]

        return matches

    def _ask(self, name: str, at_hand: ObjectAtHand) -> bool:
        """Ask a filter that shares this process, under its time limit."""
        session = self._session
        session.say_alive()  # each call has a limit of its own; their sum has none
        blame = session.enter(f"filters.{name}")
        try:
            with session.timer.limit(session.config.router.filter_timeout.total_seconds()):
                answer = self._filters[name].matches(at_hand.header, at_hand.claimed.stored.instance)
                return sound_answer(answer)
        except MemoryError:
            raise
        except BaseException as error:
            failure = failure_of(error, blame=blame)
            raise Ended({"failed": pack(failure), "retry_after": retry_after_s(error)}) from error

    def _return_sinks(self, claimed: ClaimedObject) -> list[str]:
        """The sinks that send to where the object came from, unless coming back is allowed."""
        peer = claimed.stored.instance.association.peer
        if claimed.released or peer is None or peer not in self._session.config.peers:
            return []
        if self._session.config.peers[peer].returning == "accept":
            return []
        return [sink for sink, its_peer in self._plan.sink_peers.items() if its_peer == peer]


def _why_returned(decision: Decision) -> str:
    names = ", ".join(match.route for match in decision.matches)
    return (
        f"the route would only return it to its sender ({names}); set return_to_sender = true there, "
        f"or give it another sink"
    )


def _unreadable(claimed: ClaimedObject, reason: str, facts: HeaderFacts = HeaderFacts()) -> Message:  # noqa: B008 - frozen
    return _held(claimed, "unreadable", f"its header cannot be read: {reason}", facts)


def _held(claimed: ClaimedObject, code: str, reason: str, facts: HeaderFacts = HeaderFacts()) -> Message:  # noqa: B008 - frozen
    return {
        "held": pack(
            RoutingHeld(
                object_id=claimed.stored.instance.id,
                lease_no=claimed.lease_no,
                code=code,
                failure=Failure(text=reason),
                facts=facts,
            )
        )
    }


def main() -> None:
    """Entry of the process."""
    RouteWorker(WorkerSession.start(sys.argv[1:], kind="filters")).run()


if __name__ == "__main__":
    main()
