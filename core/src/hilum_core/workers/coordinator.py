"""The loop that ROUTE, RENDER and DELIVER share: claim, push, listen, settle.

A coordinator loads no plugin and is the only process of its stage with a connection to the queue.
It settles outcomes in groups, because each transaction costs a sync of the disk: as soon as 64 wait,
or one has waited 20 ms, or nothing is in hand any more.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Generic, TypeVar

import attrs

from hilum_core import log
from hilum_core.clock import SteadyClock
from hilum_core.crash_points import reach
from hilum_core.incarnation import live_incarnations
from hilum_core.queue import Doorbell, QueueStore, QueueUnavailable
from hilum_core.queue.records import ClaimedDelivery, ClaimedObject, ClaimedRendering
from hilum_core.queue.store import LEASE
from hilum_core.stage import StageArguments, StopSignal
from hilum_core.workers.link import WorkerLink
from hilum_core.workers.orphans import adopt_orphans, end_orphans
from hilum_core.workers.pipe import Message
from hilum_core.workers.watch import Watch

_SETTLE_AT = 64
_SETTLE_AFTER_S = 0.020
_POLL_S = 1.0
_TRY_AGAIN_S = 1.0
_KILLED_DIES_WITHIN_S = 0.1
_RENEW_EVERY_S = LEASE.total_seconds() / 4
_NOTE_TIME_EVERY = timedelta(minutes=1)

Claimed = TypeVar("Claimed", bound=ClaimedObject | ClaimedRendering | ClaimedDelivery)
Outcome = TypeVar("Outcome")
Answer = TypeVar("Answer")


class Coordinator(Watch[Claimed], Generic[Claimed, Outcome]):
    """One stage's coordinator; subclasses say what to claim and what outcomes mean."""

    stage: str
    """Its name for leases, wake-ups and logs."""

    def __init__(
        self, queue: QueueStore, arguments: StageArguments, stopping: StopSignal, *, clock: SteadyClock
    ) -> None:
        super().__init__(log.get_logger(self.stage), stopping)
        self.queue = queue
        self.clock = clock
        self.arguments = arguments
        self.stopping = stopping
        self.news = 0
        """Counts what may have made work for a claim: a ring, stored outcomes, time."""
        self._outcomes: list[Outcome] = []
        self._due_at: datetime | None = None
        self._due_as_of = -1
        self._look_by = 0.0
        self._settle_by = 0.0
        self._renew_at = 0.0
        self._note_time_at = 0.0
        self._clear_at = 0.0

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

    def carry(self, by: timedelta) -> None:
        """Move times that the stage keeps for itself along: the clock was set."""

    # ---- the loop

    def run(self, doorbell: Doorbell) -> None:
        """Work until stopping, then drain."""
        adopt_orphans()
        live = live_incarnations(self.arguments.state_dir)
        recovered = self._patiently(partial(self.queue.recover_leases, stage=self.stage, live=live))
        if recovered:
            reach("leases.recovered")
            self.log.info("took back what an earlier run had leased", items=recovered)
        self._carry_over()
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
        now = self.clock.now()
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
        self._follow_clock()
        wait_s = self.tend()
        if time.monotonic() >= self._clear_at:
            self._clear_at = time.monotonic() + _POLL_S
            end_orphans([link.pid for link in self.links if link.running])
        if time.monotonic() >= self._renew_at:
            self._renew_at = time.monotonic() + _RENEW_EVERY_S
            if any(link.in_hand for link in self.links):
                self._patiently(partial(self.queue.renew_leases, self.clock.now() + LEASE))
        return wait_s

    def _carry_over(self) -> None:
        """Leave out the time in which nobody worked, and what the clock was set by meanwhile."""
        seen = self._patiently(partial(self.queue.time_noted, self.stage))
        away = self.clock.now() - seen if seen else timedelta(0)
        if not timedelta(0) <= away <= 2 * _NOTE_TIME_EVERY:
            self._patiently(partial(self.queue.carry_times, self.stage, away))

    def _follow_clock(self) -> None:
        """Where the clock was set, move all times of the stage along: no object waits shorter or longer."""
        step = self.clock.look()
        if step:
            self.log.warning("the clock was set", by_s=step.total_seconds())
            self._settle_now()  # in the times before
            self._patiently(partial(self.queue.carry_times, self.stage, step))
            for link in self.links:
                for item_id, claimed in link.in_hand.items():
                    began_at = claimed.first_attempt_at + step
                    link.in_hand[item_id] = attrs.evolve(claimed, first_attempt_at=began_at)
                link.emptied_at = -1
            self.carry(step)
            self._due_at = None
            self._note_time_at = 0.0
        if time.monotonic() >= self._note_time_at:
            self._note_time_at = time.monotonic() + _NOTE_TIME_EVERY.total_seconds()
            self._patiently(partial(self.queue.note_time, self.stage))

    def _listen(self, wait_s: float, doorbell: Doorbell) -> None:
        if self._outcomes:
            wait_s = min(wait_s, max(0.0, self._settle_by - time.monotonic()))
        ready = self.wait(wait_s, doorbell.fileno(), self.stopping.fileno())
        if doorbell.fileno() in ready:
            doorbell.wait(0)
        elif ready and time.monotonic() < self._look_by:
            return
        self.news += 1
        self._look_by = time.monotonic() + _POLL_S

    def listen(self, link: WorkerLink[Claimed], message: Message) -> None:
        """Act on a message, as soon as the queue can be used."""
        self._patiently(partial(self.heard, link, message))

    def mourn(
        self, link: WorkerLink[Claimed], item_id: str, claimed: Claimed, *, begun: bool, how: str
    ) -> None:
        """Conclude what a worker that is gone had in hand."""
        self.conclude(link, item_id, self.lost(link, claimed, begun=begun, how=how))

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
            self.wait(max(_KILLED_DIES_WITHIN_S, left_s))
            if left_s <= 0:
                for link in self.links:
                    link.kill()
        reach("stage.drained")
        end_orphans([])
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
