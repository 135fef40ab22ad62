"""The coordinator of RENDER: shares the workers fairly between chains, so that a slow one starves nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from hilum_core.clock import SteadyClock
from hilum_core.config import RouterSettings
from hilum_core.crash_points import reach
from hilum_core.queue import QueueStore, ring
from hilum_core.queue.records import (
    ClaimedRendering,
    Failure,
    Rendered,
    RenderingDead,
    RenderingDeferred,
    RenderingDiscarded,
    RenderingHeld,
    RenderingOutcome,
)
from hilum_core.render.comparing import Comparison
from hilum_core.spool import Spool
from hilum_core.stage import StageArguments, StopSignal
from hilum_core.workers.coordinator import Coordinator
from hilum_core.workers.failures import DEFECT
from hilum_core.workers.link import WorkerLink, crew
from hilum_core.workers.patience import Patience, is_poison
from hilum_core.workers.pipe import Message
from hilum_core.workers.wire import unpack

_WINDOW = 8
_PATIENCE = Patience(first_retry=timedelta(seconds=10))
_BROKEN_WAITS = timedelta(minutes=1)


class RenderCoordinator(Coordinator[ClaimedRendering, RenderingOutcome]):
    """Feeds the rendering workers."""

    stage = "render"

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
        self._comparison = Comparison(queue, self.log)
        self.links = crew(
            "hilum_core.render.worker",
            self.stage,
            settings.render_workers,
            arguments,
            memory_bytes=settings.worker_memory,
            call_limit_s=settings.transform_timeout.total_seconds(),
        )

    def dispatch(self) -> float | None:
        """Top up the workers' windows; no chain gets more than all workers but one."""
        compared = self._comparison.go_on()
        if compared.number:
            ring(self.arguments.state_dir, "deliver")
            self.news += 1
        for link in self.links:
            room = _WINDOW - len(link.in_hand)
            if not link.ready or room < _WINDOW // 2 or link.emptied_at == self.news:
                continue
            claimed = self.queue.claim_renderings(room, busy=self._busy_chains(link))
            if claimed:
                reach("render.claimed")
            link.push([(str(c.rendering_id), c, self._extra(c)) for c in claimed])
            if len(claimed) < room:
                link.emptied_at = self.news
        return 0.0 if compared.number else self.next_due_in()

    def _busy_chains(self, link: WorkerLink[ClaimedRendering]) -> list[tuple[str, ...]]:
        others = [other for other in self.links if other is not link]
        at_work = Counter(
            chain for other in others for chain in {claimed.chain for claimed in other.in_hand.values()}
        )
        most = max(1, len(self.links) - 1)
        return [chain for chain, links in at_work.items() if links >= most]

    def _extra(self, claimed: ClaimedRendering) -> Message:
        object_id = claimed.stored.instance.id
        return {
            "path": str(self._spool.locate(object_id)),
            "folder": str(self._spool.rendering_folder(object_id)),
        }

    def heard(self, link: WorkerLink[ClaimedRendering], message: Message) -> None:
        """Take in what became of an object."""
        if "hello" in message:
            hello = message["hello"]
            self.queue.clear_problems("transforms.")
            for name, text in hello["broken"].items():
                self.queue.set_problem(f"transforms.{name}", text)
            deidentifying = hello["deidentifying"]
            self.queue.note_transforms({name: name in deidentifying for name in hello["identities"]})
            self._comparison.learn(hello)
        if "done" not in message:
            return
        claimed = link.in_hand.get(message["done"])
        if claimed is not None:
            self.conclude(link, message["done"], self._outcome(claimed, message))

    def _outcome(self, claimed: ClaimedRendering, message: Message) -> RenderingOutcome:
        if "rendered" in message:
            self.log.debug("an object is rendered", object=claimed.stored.instance.id, chain=claimed.chain)
            return unpack(message["rendered"], Rendered)
        if "held" in message:
            return unpack(message["held"], RenderingHeld)
        if "discarded" in message:
            return unpack(message["discarded"], RenderingDiscarded)
        return self._unrendered(claimed, message)

    def _unrendered(self, claimed: ClaimedRendering, message: Message) -> RenderingOutcome:
        """The outcome where nothing came about, and nobody said that this is the end."""
        if "unspent" in message:
            return self._later(claimed, None, timedelta(seconds=message.get("after", 0)), spent=False)
        if "crashed" in message:
            return self._crashed(claimed, unpack(message["crashed"], Failure))
        if "waits" in message:
            self.queue.set_problem(message["waits"]["label"], message["waits"]["text"])
            return self._later(claimed, Failure(text=message["waits"]["text"]), _BROKEN_WAITS, spent=False)
        return self._failed(claimed, unpack(message["failed"], Failure), message["retry_after"])

    def _failed(
        self, claimed: ClaimedRendering, failure: Failure, retry_after_s: float | None
    ) -> RenderingOutcome:
        now = self.clock.now()
        if _PATIENCE.is_exhausted(failure, attempt=claimed.attempt, since=claimed.first_attempt_at, now=now):
            return self._dead(claimed, failure)
        if claimed.attempt == 1:
            self._log_retry(claimed, failure)
        after = timedelta(seconds=retry_after_s) if retry_after_s is not None else None
        return self._later(claimed, failure, _PATIENCE.wait(claimed.attempt, after))

    def _dead(self, claimed: ClaimedRendering, failure: Failure) -> RenderingDead:
        self.log.error(
            "a rendering is dead",
            object=claimed.stored.instance.id,
            reason=failure.text,
            blame=failure.blame,
        )
        return RenderingDead(rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, failure=failure)

    def _later(
        self,
        claimed: ClaimedRendering,
        failure: Failure | None,
        wait: timedelta,
        *,
        spent: bool = True,
        crashed: bool = False,
    ) -> RenderingDeferred:
        return RenderingDeferred(
            rendering_id=claimed.rendering_id,
            lease_no=claimed.lease_no,
            failure=failure,
            not_before=self.clock.now() + wait,
            crashed=crashed,
            spent=spent,
        )

    def lost(
        self, link: WorkerLink[ClaimedRendering], claimed: ClaimedRendering, *, begun: bool, how: str
    ) -> RenderingOutcome:
        """A worker died: what it had not begun goes back unspent."""
        if not begun:
            return self._later(claimed, None, timedelta(0), spent=False)
        text = f"{link.label} died with it in hand ({how})"
        blame = link.at or " > ".join(claimed.chain)
        return self._crashed(claimed, Failure(text=text, kind=DEFECT, blame=blame))

    def _crashed(self, claimed: ClaimedRendering, failure: Failure) -> RenderingOutcome:
        """A process died of it; at its fifth death it is dead."""
        if is_poison(claimed.crashes):
            return self._dead(claimed, failure)
        if claimed.crashes == 0:
            self._log_retry(claimed, failure)
        return self._later(claimed, failure, _PATIENCE.wait(claimed.crashes + 1), crashed=True)

    def _log_retry(self, claimed: ClaimedRendering, failure: Failure) -> None:
        self.log.warning(
            "a rendering failed and is tried again",
            object=claimed.stored.instance.id,
            reason=failure.text,
            blame=failure.blame,
        )

    def settle(self, outcomes: Sequence[RenderingOutcome]) -> None:
        """Store renderings and wake the lanes."""
        if not outcomes:
            return
        reach("render.made")
        settled = self.queue.settle_renderings(outcomes)
        reach("render.stored")
        self._spool.settle(settled)
        ring(self.arguments.state_dir, "deliver")
