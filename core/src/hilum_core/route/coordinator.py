"""The coordinator of ROUTE: claims new objects, has them looked at, stores what was decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from hilum_core.clock import SteadyClock
from hilum_core.config import RouterSettings
from hilum_core.crash_points import reach
from hilum_core.queue import QueueStore, ring
from hilum_core.queue.records import (
    ClaimedObject,
    Failure,
    Routed,
    RoutingDeferred,
    RoutingDiscarded,
    RoutingHeld,
    RoutingOutcome,
)
from hilum_core.spool import Spool
from hilum_core.stage import StageArguments, StopSignal
from hilum_core.workers.coordinator import Coordinator
from hilum_core.workers.failures import DEFECT
from hilum_core.workers.link import WorkerLink, crew
from hilum_core.workers.patience import Patience, is_poison
from hilum_core.workers.pipe import Message
from hilum_core.workers.wire import unpack

_WINDOW = 64
_MATTERS_OF_CONFIG = frozenset({"unmatched", "returned"})
"""Why objects are held for which no route has a place: it may be every object."""
_PATIENCE = Patience(first_retry=timedelta(seconds=1))


class RouteCoordinator(Coordinator[ClaimedObject, RoutingOutcome]):
    """Feeds the routing workers."""

    stage = "route"

    def __init__(
        self,
        queue: QueueStore,
        spool: Spool,
        settings: RouterSettings,
        arguments: StageArguments,
        stopping: StopSignal,
        *,
        clock: SteadyClock,
    ) -> None:
        super().__init__(queue, arguments, stopping, clock=clock)
        self._spool = spool
        self.links = crew(
            "hilum_core.route.worker",
            self.stage,
            settings.route_workers,
            arguments,
            memory_bytes=settings.worker_memory,
            call_limit_s=settings.filter_timeout.total_seconds(),
        )

    def dispatch(self) -> float | None:
        """Top up the workers' windows."""
        for link in self.links:
            room = _WINDOW - len(link.in_hand)
            if not link.ready or room < _WINDOW // 2 or link.emptied_at == self.news:
                continue
            claimed = self.queue.claim_objects(room)
            if claimed:
                reach("route.claimed")
            link.push([(c.stored.instance.id, c, self._extra(c)) for c in claimed])
            if len(claimed) < room:
                link.emptied_at = self.news
        return self.next_due_in()

    def _extra(self, claimed: ClaimedObject) -> Message:
        return {"path": self._spool.received_name(claimed.stored.instance.id)}

    def heard(self, link: WorkerLink[ClaimedObject], message: Message) -> None:
        """Take in the decision about an object."""
        if "hello" in message:
            self._show_broken(message["hello"]["broken"])
        if "done" not in message:
            return
        claimed = link.in_hand.get(message["done"])
        if claimed is not None:
            self.conclude(link, message["done"], self._outcome(claimed, message))

    def _show_broken(self, broken: dict[str, str]) -> None:
        self.queue.clear_problems("filters.")
        self.queue.clear_problems("routes[")
        for label, text in broken.items():
            self.queue.set_problem(label, text)

    def _outcome(self, claimed: ClaimedObject, message: Message) -> RoutingOutcome:
        if "routed" in message:
            routed = unpack(message["routed"], Routed)
            return self._unless_a_loop(claimed, routed, message["return_sinks"])
        if "held" in message:
            return unpack(message["held"], RoutingHeld)
        if "discarded" in message:
            return unpack(message["discarded"], RoutingDiscarded)
        if "unspent" in message:
            return self._back(claimed, timedelta(seconds=message.get("after", 0)))
        if "crashed" in message:
            return self._crashed(claimed, unpack(message["crashed"], Failure))
        return self._failed(claimed, unpack(message["failed"], Failure), message["retry_after"])

    def _unless_a_loop(
        self, claimed: ClaimedObject, routed: Routed, return_sinks: Sequence[str]
    ) -> RoutingOutcome:
        """Hold what comes back, byte for byte, from where we delivered it."""
        instance = claimed.stored.instance
        if not return_sinks or not self.queue.delivered_to(
            return_sinks, instance.sop_instance_uid, claimed.stored.checksum
        ):
            return routed
        text = f"{instance.association.peer} sent back what was delivered to it: a loop of routers"
        return self._hold(claimed, "loop", Failure(text=text))

    def _failed(
        self, claimed: ClaimedObject, failure: Failure, retry_after_s: float | None
    ) -> RoutingOutcome:
        now = self.clock.now()
        if _PATIENCE.is_exhausted(failure, attempt=claimed.attempt, since=claimed.first_attempt_at, now=now):
            return self._hold(claimed, "filter", failure)
        if claimed.attempt == 1:
            self._log_wait(failure)
        after = timedelta(seconds=retry_after_s) if retry_after_s is not None else None
        return RoutingDeferred(
            object_id=claimed.stored.instance.id,
            lease_no=claimed.lease_no,
            failure=failure,
            not_before=now + _PATIENCE.wait(claimed.attempt, after),
        )

    @staticmethod
    def _hold(claimed: ClaimedObject, code: str, failure: Failure) -> RoutingHeld:
        return RoutingHeld(
            object_id=claimed.stored.instance.id, lease_no=claimed.lease_no, code=code, failure=failure
        )

    def lost(
        self, link: WorkerLink[ClaimedObject], claimed: ClaimedObject, *, begun: bool, how: str
    ) -> RoutingOutcome:
        """A worker died: what it had not begun goes back unspent."""
        if not begun:
            return self._back(claimed, timedelta(0))
        text = f"a routing worker died with it in hand ({how})"
        return self._crashed(claimed, Failure(text=text, kind=DEFECT, blame=link.at or link.label))

    def _crashed(self, claimed: ClaimedObject, failure: Failure) -> RoutingOutcome:
        """A process died of it; the poison is held at its fifth death."""
        if is_poison(claimed.crashes):
            return self._hold(claimed, "poison", failure)
        if claimed.crashes == 0:
            self._log_wait(failure)
        return RoutingDeferred(
            object_id=claimed.stored.instance.id,
            lease_no=claimed.lease_no,
            failure=failure,
            not_before=self.clock.now() + _PATIENCE.wait(claimed.crashes + 1),
            crashed=True,
        )

    def _back(self, claimed: ClaimedObject, wait: timedelta) -> RoutingDeferred:
        return RoutingDeferred(
            object_id=claimed.stored.instance.id,
            lease_no=claimed.lease_no,
            failure=None,
            not_before=self.clock.now() + wait,
            spent=False,
        )

    def _log_wait(self, failure: Failure) -> None:
        self.log.warning("an object could not be routed and waits", reason=failure.text, blame=failure.blame)

    def settle(self, outcomes: Sequence[RoutingOutcome]) -> None:
        """Store decisions and wake who goes on."""
        if not outcomes:
            return
        for outcome in outcomes:
            self._log(outcome)
        reach("route.decided")
        settled = self.queue.settle_routings(outcomes)
        reach("route.stored")
        self._spool.settle(settled)
        routed = [outcome for outcome in outcomes if isinstance(outcome, Routed)]
        if routed:  # also what needs a rendering may be ready: another delivery had it made before
            ring(self.arguments.state_dir, "deliver")
        if any(delivery.chain for outcome in routed for delivery in outcome.deliveries):
            ring(self.arguments.state_dir, "render")

    def _log(self, outcome: RoutingOutcome) -> None:
        if isinstance(outcome, RoutingHeld):
            write = self.log.debug if outcome.code in _MATTERS_OF_CONFIG else self.log.warning
            write("an object is held", object=outcome.object_id, code=outcome.code)
        elif isinstance(outcome, Routed):
            routes = [match.route for match in outcome.matches]
            self.log.debug("an object is routed", object=outcome.object_id, routes=routes)
        elif isinstance(outcome, RoutingDiscarded):
            self.log.debug("an object is discarded", object=outcome.object_id, rule=outcome.rule)
