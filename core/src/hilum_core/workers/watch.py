"""What every process that has workers does with them: start, hear, end what hangs, bury what died.

A coordinator watches the workers of its stage, a worker the processes of its isolated components.
"""

from __future__ import annotations

import select
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from hilum_core.log import Log, describe_exception
from hilum_core.workers.link import CAME_TO_ITS_END, WorkerLink
from hilum_core.workers.pipe import Message
from hilum_sdk import HilumError

_POLL_S = 1.0
_MUCH_IN_HAND = 8
_MORE_FOLLOWS_S = 0.002
"""A worker says a word for every object. While it has enough to do, several are heard at a time."""

Claimed = TypeVar("Claimed")


class Watch(ABC, Generic[Claimed]):
    """Watches ``links``; subclasses say what messages and deaths mean."""

    def __init__(self, log: Log, stopping: Callable[[], bool]) -> None:
        self.links: list[WorkerLink[Claimed]] = []
        self.log = log
        self._is_stopping = stopping

    # ---- what a subclass says

    @abstractmethod
    def listen(self, link: WorkerLink[Claimed], message: Message) -> None:
        """Act on a message. Raise anything but a `HilumError` if it makes no sense: the worker is ended."""

    @abstractmethod
    def mourn(
        self, link: WorkerLink[Claimed], item_id: str, claimed: Claimed, *, begun: bool, how: str
    ) -> None:
        """Act on the loss of an item that was in the hand of a worker that is gone."""

    def ended(self, link: WorkerLink[Claimed], how: str, *, at_start: bool) -> None:
        """Take note that a worker has ended unasked; ``at_start``: before it said hello."""

    # ---- what it does

    def tend(self) -> float:
        """Start and kill what is due; returns how long to `wait` at most before the next look."""
        wait_s = _POLL_S
        for link in self.links:
            link.start_if_due()
            due_s = link.restart_due_in()
            wait_s = wait_s if due_s is None else min(wait_s, due_s)
            if link.overdue():
                self.log.error("a worker did not come back within its time limit", worker=link.label)
                link.kill()
        return wait_s

    def wait(self, wait_s: float, *others: int) -> list[int]:
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
                self.listen(link, message)
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
        link.hear_no_more()
        while link.talking and link.has_said_more():
            self._hear(link)
        expected = self._is_stopping()
        begun = frozenset(link.begun)
        at_start = link.hello is None
        how = link.retire()
        if not begun and not expected and how != CAME_TO_ITS_END:
            begun = frozenset(list(link.in_hand)[:1])  # it died before it could say at which
        if not expected and how != CAME_TO_ITS_END:
            at_work = ", ".join(sorted(begun)) or "nothing"
            self.log.error("a worker died", worker=link.label, how=how, at_work_on=at_work, blame=link.blame)
            self.ended(link, how, at_start=at_start)
        for item_id, claimed in list(link.in_hand.items()):
            self.mourn(link, item_id, claimed, begun=item_id in begun and not expected, how=how)
