"""The loop that ROUTE, RENDER and DELIVER share: claim, push, listen, settle.

A coordinator loads no plugin and is the only process of its stage with a connection to the queue.
It settles outcomes in groups, because each transaction costs a sync of the disk: as soon as 64 wait,
or one has waited 20 ms, or nothing is in hand any more.
"""

from __future__ import annotations

import select
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Generic, TypeVar

from hilum_core import log
from hilum_core.crash_points import reach
from hilum_core.incarnation import live_incarnations
from hilum_core.log import describe_exception
from hilum_core.queue import Doorbell, QueueStore, QueueUnavailable
from hilum_core.queue.store import LEASE
from hilum_core.stage import StageArguments, StopSignal
from hilum_core.workers.link import CAME_TO_ITS_END, WorkerLink
from hilum_core.workers.pipe import Message
from hilum_sdk import HilumError

_SETTLE_AT = 64
_SETTLE_AFTER_S = 0.020
_POLL_S = 1.0
_MUCH_IN_HAND = 8
_MORE_FOLLOWS_S = 0.002
"""A worker says a word for every object. While it has enough to do, several are heard at a time."""
_TRY_AGAIN_S = 1.0
_KILLED_DIES_WITHIN_S = 0.1
_RENEW_EVERY_S = LEASE.total_seconds() / 4

Claimed = TypeVar("Claimed")
Outcome = TypeVar("Outcome")
Answer = TypeVar("Answer")


class Coordinator(ABC, Generic[Claimed, Outcome]):
    """One stage's coordinator; subclasses say what to claim and what outcomes mean."""

    stage: str
    """Its name for leases, wake-ups and logs."""

    def __init__(self, queue: QueueStore, arguments: StageArguments, stopping: StopSignal) -> None:
        self.queue = queue
        self.arguments = arguments
        self.stopping = stopping
        self.links: list[WorkerLink[Claimed]] = []
        self.log = log.get_logger(self.stage)
        self.news = 0
        """Counts what may have made work for a claim: a ring, stored outcomes, time."""
        self._outcomes: list[Outcome] = []
        self._due_at: datetime | None = None
        self._due_as_of = -1
        self._look_by = 0.0
        self._settle_by = 0.0
        self._renew_at = 0.0

    # ---- what a stage says

    @abstractmethod
    def dispatch(self) -> float | None:
        """Claim and push work to links that have room; seconds until there may be more by the clock."""

    @abstractmethod
    def heard(self, link: WorkerLink[Claimed], message: Message) -> None:
        """Act on a message: `conclude` what is done."""

    @abstractmethod
    def lost(self, link: WorkerLink[Claimed], claimed: Claimed, *, begun: bool, how: str) -> Outcome:
        """The outcome of an item in the hand of a worker that is gone."""

    @abstractmethod
    def settle(self, outcomes: Sequence[Outcome]) -> None:
        """Store outcomes."""

    # ---- the loop

    def run(self, doorbell: Doorbell) -> None:
        """Work until stopping, then drain."""
        live = live_incarnations(self.arguments.state_dir)
        recovered = self._patiently(partial(self.queue.recover_leases, stage=self.stage, live=live))
        if recovered:
            reach("leases.recovered")
            self.log.info("took back what an earlier run had leased", items=recovered)
        while not self.stopping():
            wait_s = self._prepare()
            self._settle_if_due()
            again_s = self._patiently(self.dispatch)
            self._listen(wait_s if again_s is None else min(wait_s, again_s), doorbell)
        self._drain()

    def next_due_in(self) -> float | None:
        """Seconds until something becomes due by the clock; None where nothing does.

        What is due already needs no clock: it waits for room in a worker's hand.
        """
        now = datetime.now(UTC)
        if self._due_as_of != self.news:
            due = self.queue.next_due_at(stage=self.stage)
            self._due_as_of, self._due_at = self.news, None if due is None or due <= now else due
        if self._due_at is None:
            return None
        if self._due_at <= now:  # since it was looked up: claim at once
            self.news += 1
            return 0.0
        return (self._due_at - now).total_seconds()

    def conclude(self, link: WorkerLink[Claimed], item_id: str, outcome: Outcome) -> None:
        """Take an item out of a worker's hand; its outcome is stored with the next group."""
        link.in_hand.pop(item_id, None)
        if not self._outcomes:
            self._settle_by = time.monotonic() + _SETTLE_AFTER_S
        self._outcomes.append(outcome)

    def _prepare(self) -> float:
        """Start, kill and clear up workers; returns how long the loop may wait at most."""
        wait_s = _POLL_S
        for link in self.links:
            link.start_if_due()
            due_s = link.restart_due_in()
            wait_s = wait_s if due_s is None else min(wait_s, due_s)
            if link.overdue():
                self.log.error("a worker did not come back within its time limit", worker=link.label)
                link.kill()
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + _RENEW_EVERY_S
            if any(link.in_hand for link in self.links):
                self._patiently(partial(self.queue.renew_leases, datetime.now(UTC) + LEASE))
        return wait_s

    def _listen(self, wait_s: float, doorbell: Doorbell) -> None:
        if self._outcomes:
            wait_s = min(wait_s, max(0.0, self._settle_by - time.monotonic()))
        ready = self._wait(wait_s, doorbell.fileno(), self.stopping.fileno())
        if doorbell.fileno() in ready:
            doorbell.wait(0)
        elif ready and time.monotonic() < self._look_by:
            return
        self.news += 1
        self._look_by = time.monotonic() + _POLL_S

    def _wait(self, wait_s: float, *others: int) -> list[int]:
        """Wait for workers and `others`; hear the workers, bury the dead, and return what was ready."""
        talking = {link.fileno(): link for link in self.links if link.talking}
        ending = {link.ending: link for link in self.links if link.running}
        ready = select.select([*others, *talking, *ending], [], [], wait_s)[0]
        if any(source in talking and len(talking[source].in_hand) >= _MUCH_IN_HAND for source in ready):
            time.sleep(_MORE_FOLLOWS_S)
        for source in ready:
            if source in talking:
                self._hear(talking[source])
        for source in ready:
            if source in ending:
                self._bury(ending[source])
        return ready

    def _hear(self, link: WorkerLink[Claimed]) -> None:
        """Take in what a worker has said; one that makes no sense is ended."""
        for message in link.receive():
            try:
                self._patiently(partial(self.heard, link, message))
            except HilumError:
                raise
            except Exception as error:  # noqa: BLE001 - a worker runs code of strangers
                reason = describe_exception(error)
                self.log.error("a worker said what makes no sense", worker=link.label, reason=reason)
                link.begun.update(item_id for item_id in link.in_hand if item_id == message.get("done"))
                link.kill()
                return

    def _bury(self, link: WorkerLink[Claimed]) -> None:
        """A worker has ended: hear its last words, then settle what it had in hand, naming what it was at."""
        while link.talking and link.has_said_more():
            self._hear(link)
        expected = self.stopping()
        begun = frozenset(link.begun)
        how = link.retire()
        if not begun and not expected and how != CAME_TO_ITS_END:
            begun = frozenset(list(link.in_hand)[:1])  # it died before it could say at which
        if not expected and how != CAME_TO_ITS_END:
            at_work = ", ".join(sorted(begun)) or "nothing"
            self.log.error("a worker died", worker=link.label, how=how, at_work_on=at_work)
        for item_id, claimed in list(link.in_hand.items()):
            outcome = self.lost(link, claimed, begun=item_id in begun and not expected, how=how)
            self.conclude(link, item_id, outcome)

    def _outcomes_due(self) -> bool:
        if not self._outcomes:
            return False
        idle = not any(link.in_hand for link in self.links)
        return idle or len(self._outcomes) >= _SETTLE_AT or time.monotonic() >= self._settle_by

    def _settle_if_due(self) -> None:
        if self._outcomes_due():
            self._settle_now()

    def _drain(self) -> None:
        """Let workers finish what they began, within the time that the config gives; then end them."""
        deadline = time.monotonic() + self.arguments.stop_within_s
        for link in self.links:
            if link.running:
                link.send({"stop": 1})
        while any(link.running for link in self.links):
            left_s = deadline - time.monotonic()
            self._wait(max(_KILLED_DIES_WITHIN_S, left_s))
            if left_s <= 0:
                for link in self.links:
                    link.kill()
        reach("stage.drained")
        self._settle_now()

    def _settle_now(self) -> None:
        self._patiently(lambda: self.settle(self._outcomes))
        self._outcomes = []
        self.news += 1

    def _patiently(self, action: Callable[[], Answer]) -> Answer:
        """Do something with the queue, and again for as long as the queue cannot be used.

        Meanwhile workers finish what they have in hand, and nothing that they said is forgotten.

        Raises
        ------
        QueueUnavailable
            It cannot be used and we are to stop: what is not stored will be done again.
        """
        told = False
        while True:
            try:
                return action()
            except QueueUnavailable as error:
                if not told:
                    self.log.error("the queue cannot be used, trying on", reason=error.message)
                    told = True
                if self.stopping.wait(_TRY_AGAIN_S):
                    raise
