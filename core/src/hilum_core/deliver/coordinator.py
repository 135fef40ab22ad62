"""The coordinator of DELIVER: a lane for every sink, each with workers of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from hilum_core.clock import SteadyClock
from hilum_core.config import Config
from hilum_core.crash_points import reach
from hilum_core.deliver.lane import TROUBLED, Lane, LaneState
from hilum_core.deliver.lane_link import LaneLink
from hilum_core.deliver.stranded import Stranded
from hilum_core.deliver.telling import LaneTeller, News
from hilum_core.queue import QueueStore, ring
from hilum_core.queue.records import (
    ClaimedDelivery,
    DeliveryDead,
    DeliveryDeferred,
    DeliveryOutcome,
    Failure,
    LaneStatus,
    ObjectDamaged,
    RenderingLost,
)
from hilum_core.spool import Spool
from hilum_core.stage import StageArguments, StopSignal
from hilum_core.workers.coordinator import Coordinator
from hilum_core.workers.failures import DEFECT
from hilum_core.workers.link import WorkerLink
from hilum_core.workers.pipe import Message
from hilum_core.workers.wire import unpack
from hilum_sdk import Receipt


class DeliverCoordinator(Coordinator[ClaimedDelivery, DeliveryOutcome]):
    """Feeds the lanes."""

    stage = "deliver"

    def __init__(
        self,
        queue: QueueStore,
        spool: Spool,
        config: Config,
        arguments: StageArguments,
        stopping: StopSignal,
        *,
        clock: SteadyClock,
        stranded: Stranded | None,
    ) -> None:
        super().__init__(queue, arguments, stopping, clock=clock)
        self._spool = spool
        self._stranded = stranded
        self._shown: dict[str, LaneStatus] = {}
        self._tellers: dict[str, LaneTeller] = {}
        queue.clear_problems("sinks.")
        queue.keep_lanes(config.sinks.keys())
        before = queue.lanes()
        for entry in config.sinks.values():
            now = self.clock.now()
            lane = Lane(entry.name, entry.delivery, disabled=entry.disabled, now=now)
            if entry.name in before:
                lane.resume(before[entry.name], now)
            self._tellers[entry.name] = LaneTeller(
                entry.delivery.longest_retry, told=lane.state is LaneState.RESTING
            )
            self._show(lane)
            if not entry.disabled:
                self.links += [
                    LaneLink(lane, shard, entry, arguments, config.router.worker_memory)
                    for shard in range(entry.delivery.workers)
                ]
        for label, reason in config.broken.items():
            if label.startswith("sinks."):
                queue.set_problem(label, reason)

    @staticmethod
    def _lane(link: WorkerLink[ClaimedDelivery]) -> Lane:
        assert isinstance(link, LaneLink)
        return link.lane

    # ---- giving

    def dispatch(self) -> float | None:
        """Top up each lane's window, and probe where a rest is over."""
        if self._stranded is not None and self._stranded.hold_some():
            return 0.0
        waits: list[float] = []
        now = self.clock.now()
        for link in self.links:
            assert isinstance(link, LaneLink)
            if not link.ready:
                continue
            lane = link.lane
            self._tell(lane)
            if lane.probe_due(now):
                link.probe()
            room = lane.window(len(link.in_hand))
            if room and self._may_find_work(link, now):
                self._claim(link, room)
            due = lane.resting_until or (link.due_in_queue if link.emptied_at == self.news else None)
            if due is not None and due > now:
                waits.append((due - now).total_seconds())
        return min(waits, default=None)

    def _may_find_work(self, link: LaneLink, now: datetime) -> bool:
        """Whether anything has happened since a claim for this worker came up short."""
        return link.emptied_at != self.news or (link.due_in_queue is not None and link.due_in_queue <= now)

    def _claim(self, link: LaneLink, room: int) -> None:
        lane = link.lane
        claimed = self.queue.claim_deliveries(lane.sink, room, shard=link.shard, shards=lane.settings.workers)
        if claimed:
            reach("deliver.claimed")
        link.push([(c.delivery_id, c, {"path": str(self._path(c))}) for c in claimed])
        if len(claimed) < room:
            link.emptied_at = self.news
            link.due_in_queue = self.queue.next_due_at(stage=self.stage, sink=lane.sink)

    def _path(self, claimed: ClaimedDelivery) -> object:
        if claimed.rendering is not None:
            return self._spool.rendering_path(claimed.rendering.file_name)
        return self._spool.locate(claimed.stored.instance.id)

    # ---- hearing

    def heard(self, link: WorkerLink[ClaimedDelivery], message: Message) -> None:
        """Take in what a sink said."""
        assert isinstance(link, LaneLink)
        now = self.clock.now()
        if "done" in message:
            claimed = link.in_hand.get(message["done"])
            if claimed is not None:
                self.conclude(link, message["done"], self._outcome(link, claimed, message, now))
        elif "ask" in message:
            link.send({"answer": [list(need) for need in self.queue.upcoming_needs(link.lane.sink)]})
        elif "probed" in message:
            link.probed()
            failure = unpack(message["probed"], Failure) if message["probed"] else None
            link.lane.probed(failure, now)
        elif "unavailable" in message:
            link.lane.rest(unpack(message["unavailable"], Failure), now)
        elif "broken" in message:
            link.lane.broke(message["broken"], now)
        elif "hello" in message:
            link.lane.mended(now)
        self._show(link.lane)

    def _outcome(
        self, link: LaneLink, claimed: ClaimedDelivery, message: Message, now: datetime
    ) -> DeliveryOutcome:
        lane = link.lane
        if "delivered" in message:
            receipt = unpack(message["delivered"], Receipt)
            self.log.debug(
                "an object is delivered",
                sink=claimed.sink,
                delivery=claimed.delivery_id,
                attempt=claimed.attempt,
                status=receipt.status,
            )
            return lane.succeeded(claimed, receipt, tuple(message["notes"]), now)
        if "unspent" in message:
            return lane.unspent(claimed, now)
        if "rendering_lost" in message:
            return RenderingLost(
                delivery_id=claimed.delivery_id,
                lease_no=claimed.lease_no,
                failure=unpack(message["rendering_lost"], Failure),
            )
        if "damaged" in message:
            self.log.error("an object is damaged and held", object=claimed.stored.instance.id)
            return ObjectDamaged(
                delivery_id=claimed.delivery_id,
                lease_no=claimed.lease_no,
                failure=unpack(message["damaged"], Failure),
            )
        after = message["retry_after"]
        failure = unpack(message["failed"], Failure)
        outcome = lane.failed(claimed, failure, timedelta(seconds=after) if after else None, now)
        if lane.state is LaneState.RESTING:
            link.send({"recall": 1})
        self._log_failure(claimed, outcome, failure)
        return outcome

    def _log_failure(self, claimed: ClaimedDelivery, outcome: DeliveryOutcome, failure: Failure) -> None:
        fields = {
            "sink": claimed.sink,
            "delivery": claimed.delivery_id,
            "attempt": claimed.attempt,
            "reason": failure.text,
            "blame": failure.blame,
        }
        if isinstance(outcome, DeliveryDead):
            self.log.error("a delivery is dead", **fields)
        elif isinstance(outcome, DeliveryDeferred) and outcome.spent and not self._is_troubled(claimed.sink):
            self.log.warning("a delivery failed and is tried again", **fields)

    def _is_troubled(self, sink: str) -> bool:
        """Whether the lane was shown as one whose destination is at fault."""
        return LaneState(self._shown[sink].state) in TROUBLED

    def lost(
        self, link: WorkerLink[ClaimedDelivery], claimed: ClaimedDelivery, *, begun: bool, how: str
    ) -> DeliveryOutcome:
        """A worker died: only the object that it had begun counts a death."""
        assert isinstance(link, LaneLink)
        now = self.clock.now()
        if not begun:
            return link.lane.unspent(claimed, now)
        text = f"the worker of its sink died with it in hand ({how})"
        failure = Failure(text=text, kind=DEFECT, blame=link.blame)
        outcome = link.lane.crashed(claimed, failure, now)
        self._log_failure(claimed, outcome, failure)
        return outcome

    def ended(self, link: WorkerLink[ClaimedDelivery], how: str, *, at_start: bool) -> None:
        """Show a sink whose process ends before it can work: its plugin crashes or hangs at import."""
        if at_start:
            lane = self._lane(link)
            lane.broke(f"its process ended at its start ({how})", self.clock.now())
            self._show(lane)

    # ---- showing and storing

    def _show(self, lane: Lane) -> None:
        """Store the lane's status when it changes, and tell what is news."""
        status, before = lane.status(), self._shown.get(lane.sink)
        if status != before:
            self._shown[lane.sink] = status
            changes = before is None or before.state != status.state
            breaks = changes and lane.state is LaneState.BROKEN
            self._patiently(partial(self.queue.set_lane, status, tell=breaks))
            if changes:
                problem = status.reason if breaks else ""
                self._patiently(partial(self.queue.set_problem, f"sinks.{lane.sink}", problem))
            if breaks:
                self.log.error("a lane waits for its plugin", sink=lane.sink, reason=status.reason)
        self._tell(lane)

    def _tell(self, lane: Lane) -> None:
        """Tell what is news of the lane, in the log and in the ledger."""
        news = self._tellers[lane.sink].look(lane.state, self.clock.now())
        if news is None:
            return
        status = lane.status()
        self._patiently(partial(self.queue.set_lane, status, tell=True))
        if news is News.RESTS:
            self.log.warning("a lane rests", sink=lane.sink, reason=status.reason, until=status.resting_until)
        else:
            self.log.info("a lane works again", sink=lane.sink)

    def carry(self, by: timedelta) -> None:
        """Move the times of the lanes along: the clock was set."""
        for lane in {link.lane.sink: link.lane for link in self.links if isinstance(link, LaneLink)}.values():
            lane.carry(by)
            self._tellers[lane.sink].carry(by)
            self._show(lane)

    def settle(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        """Store outcomes; files of objects that are done move to where retention finds them."""
        if not outcomes:
            return
        reach("deliver.sent")
        settled = self.queue.settle_deliveries(outcomes)
        reach("deliver.stored")
        self._spool.settle(settled)
        if any(isinstance(outcome, RenderingLost) for outcome in outcomes):
            ring(self.arguments.state_dir, "render")
