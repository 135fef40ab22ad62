"""The coordinator of DELIVER: a lane for every sink, each with workers of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hilum_core.config import ComponentEntry, Config
from hilum_core.deliver.lane import Lane, LaneState
from hilum_core.queue import QueueStore, ring
from hilum_core.queue.records import (
    ClaimedDelivery,
    DeliveryDead,
    DeliveryOutcome,
    Failure,
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


class LaneLink(WorkerLink[ClaimedDelivery]):
    """A worker of a lane; with several, each serves its own share of the patients."""

    def __init__(
        self, lane: Lane, shard: int, entry: ComponentEntry, arguments: StageArguments, memory_bytes: int
    ) -> None:
        label = entry.label if lane.settings.workers == 1 else f"{entry.label}#{shard + 1}"
        super().__init__(
            "hilum_core.deliver.worker",
            label,
            arguments,
            memory_bytes=memory_bytes,
            call_limit_s=lane.settings.timeout.total_seconds(),
        )
        self.lane = lane
        self.shard = shard
        self.probing = False


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
    ) -> None:
        super().__init__(queue, arguments, stopping)
        self._spool = spool
        self._shown: dict[str, LaneState] = {}
        queue.clear_problems("sinks.")
        for entry in config.sinks.values():
            lane = Lane(entry.name, entry.delivery, disabled=entry.disabled, now=datetime.now(UTC))
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
        waits: list[float] = []
        now = datetime.now(UTC)
        for link in self.links:
            assert isinstance(link, LaneLink)
            if not link.ready:
                continue
            lane = link.lane
            if lane.probe_due(now) and not link.probing:
                link.probing = True
                link.send({"probe": 1})
            room = lane.window(len(link.in_hand))
            if room and link.emptied_at != self.news:
                self._claim(link, room)
            due = self._next_due(lane, now)
            if due is not None:
                waits.append(due)
        return min(waits, default=None)

    def _claim(self, link: LaneLink, room: int) -> None:
        lane = link.lane
        claimed = self.queue.claim_deliveries(lane.sink, room, shard=link.shard, shards=lane.settings.workers)
        link.push([(c.delivery_id, c, {"path": str(self._path(c))}) for c in claimed])
        if len(claimed) < room:
            link.emptied_at = self.news

    def _path(self, claimed: ClaimedDelivery) -> object:
        if claimed.rendering is not None:
            return self._spool.rendering_path(claimed.rendering.file_name)
        return self._spool.locate(claimed.stored.instance.id)

    def _next_due(self, lane: Lane, now: datetime) -> float | None:
        if lane.state is LaneState.WORKING:
            return self.next_due_in(lane.sink)
        if lane.resting_until is None or lane.resting_until <= now:
            return None
        return (lane.resting_until - now).total_seconds()

    # ---- hearing

    def heard(self, link: WorkerLink[ClaimedDelivery], message: Message) -> None:
        """Take in what a sink said."""
        assert isinstance(link, LaneLink)
        now = datetime.now(UTC)
        if "done" in message:
            claimed = link.in_hand.get(message["done"])
            if claimed is not None:
                self.conclude(link, message["done"], self._outcome(link, claimed, message, now))
        elif "ask" in message:
            link.send({"answer": [list(need) for need in self.queue.upcoming_needs(link.lane.sink)]})
        elif "probed" in message:
            link.probing = False
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
        elif self._lane_works(claimed.sink):
            self.log.warning("a delivery failed and is tried again", **fields)

    def _lane_works(self, sink: str) -> bool:
        return self._shown.get(sink) is LaneState.WORKING

    def lost(
        self, link: WorkerLink[ClaimedDelivery], claimed: ClaimedDelivery, *, begun: bool, how: str
    ) -> DeliveryOutcome:
        """A worker died: only the object that it had begun counts a death."""
        assert isinstance(link, LaneLink)
        link.probing = False
        now = datetime.now(UTC)
        if not begun:
            return link.lane.unspent(claimed, now)
        text = f"the worker of its sink died with it in hand ({how})"
        failure = Failure(text=text, kind=DEFECT, blame=link.blame)
        outcome = link.lane.crashed(claimed, failure, now)
        self._log_failure(claimed, outcome, failure)
        return outcome

    # ---- showing and storing

    def _show(self, lane: Lane) -> None:
        """Store and log the lane's state when it changes."""
        if self._shown.get(lane.sink) is lane.state:
            return
        before, self._shown[lane.sink] = self._shown.get(lane.sink), lane.state
        status = lane.status()
        self.queue.set_lane(status)
        self.queue.set_problem(f"sinks.{lane.sink}", status.reason if lane.state is LaneState.BROKEN else "")
        if lane.state is LaneState.RESTING:
            self.log.warning("a lane rests", sink=lane.sink, reason=status.reason, until=status.resting_until)
        elif lane.state is LaneState.BROKEN:
            self.log.error("a lane waits for its plugin", sink=lane.sink, reason=status.reason)
        elif lane.state is LaneState.WORKING and before is not None:
            self.log.info("a lane works again", sink=lane.sink)

    def settle(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        """Store outcomes; files of objects that are done move to where retention finds them."""
        if not outcomes:
            return
        self._spool.settle(self.queue.settle_deliveries(outcomes))
        if any(isinstance(outcome, RenderingLost) for outcome in outcomes):
            ring(self.arguments.state_dir, "render")
