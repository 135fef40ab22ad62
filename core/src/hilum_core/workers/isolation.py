"""A worker's isolated components: each in a process of its own, which the worker feeds as it is fed itself.

Across go JSON records and open files, never images. Such a process may crash, leak or hang as it
likes: the worker sees its death at the pidfd, ends it when it is overdue, and goes on with the others.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from hilum_core.log import get_logger
from hilum_core.queue.records import Failure
from hilum_core.registry import Isolated
from hilum_core.workers.failures import DEFECT
from hilum_core.workers.link import WorkerLink
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.watch import Watch
from hilum_core.workers.wire import pack, unpack

_KILLED_DIES_WITHIN_S = 0.1
_SETTLES_IN_WITHIN_S = 15.0
NOT_THERE_WAITS_S = 2.0
"""How long an item waits for a process that has no time for it, or is being started."""


class Ended(Exception):  # noqa: N818 - it carries the answer to give
    """Nothing more can be done with an item now; ``message`` is what becomes of it instead."""

    def __init__(self, message: Message) -> None:
        super().__init__()
        self.message = message


class Isolation(Watch[None]):
    """The processes of the isolated components of one worker.

    Parameters
    ----------
    module
        What such a process runs, such as ``hilum_core.route.isolated``.
    call_limit_s
        How long a call may take. The process interrupts itself, and is killed if that does not help.
    """

    takes_files = False
    """Whether open files come with answers."""

    def __init__(
        self, session: WorkerSession, module: str, isolated: Iterable[Isolated], call_limit_s: float
    ) -> None:
        super().__init__(get_logger("isolation"), lambda: session.stopping)
        self.session = session
        self.broken: dict[str, str] = {}
        """By label, why a component cannot be used."""
        self._by_label: dict[str, WorkerLink[None]] = {}
        self._has_pressed = False
        self._said: dict[str, Mapping[str, object]] = {}
        arguments = session.arguments
        for one in isolated:
            link: WorkerLink[None] = WorkerLink(
                module,
                one.label,
                arguments,
                memory_bytes=arguments.memory_bytes,
                call_limit_s=call_limit_s,
                takes_files=self.takes_files,
            )
            link.blame = one.blame
            self._by_label[one.label] = link
        self.links = list(self._by_label.values())
        if self.links:
            session.meanwhile = self.serve

    # ---- what a subclass says

    @abstractmethod
    def answered(self, question_id: str, answer: Message) -> None:
        """Take in an answer, or what became of the question instead.

        That is ``unspent`` (nothing has begun with it, ask again later), ``failed``, or ``crashed``
        with the failure to name. Raise if it makes no sense, and before anything is done about it.
        """

    @abstractmethod
    def changed(self) -> None:
        """Take note that a component can be used, or cannot any more."""

    # ---- asking

    def link(self, label: str) -> WorkerLink[None]:
        """The process of a component."""
        return self._by_label[label]

    def hello(self, label: str) -> Mapping[str, object]:
        """What a component has said of itself; empty before its process has started for the first time.

        It holds beyond the death of that process: what was applied is to be verified all the same.
        """
        return self._said.get(label, {})

    def ask(self, label: str, question_id: str, question: Message, files: Sequence[int] = ()) -> bool:
        """Put a question; whether there is a process to answer it."""
        link = self._by_label[label]
        if not link.ready:
            return False
        link.push([(question_id, None, {**question, "files": len(files)})], files)
        return True

    # ---- the loop

    def settle_in(self) -> None:
        """Wait until each process has said hello, or why it cannot; for a while only."""
        deadline = time.monotonic() + _SETTLES_IN_WITHIN_S
        while not self.session.stopping and time.monotonic() < deadline:
            if all(link.ready or label in self.broken for label, link in self._by_label.items()):
                return
            self.session.pump(_KILLED_DIES_WITHIN_S)

    def serve(self, timeout_s: float | None) -> None:
        """Hear the components until the coordinator speaks or the time is over; at most for a second."""
        wait_s = self.tend()
        if self.session.stopping and not self._has_pressed:
            self._has_pressed = True
            for link in self.links:
                if link.talking:
                    link.send({"stopping": 1})  # not to stop: what was begun may need it again
        self.wait(wait_s if timeout_s is None else min(wait_s, timeout_s), self.session.pipe.fileno())
        if any(link.in_hand for link in self.links):
            self.session.say_alive()  # each has a clock of its own

    def listen(self, link: WorkerLink[None], message: Message) -> None:
        """Take in what a component's process says."""
        if "hello" in message:
            self._said[link.label] = dict(message["hello"])
            self.broken.pop(link.label, None)
            self.changed()
        elif "broken" in message:
            self.broken[link.label] = str(message["broken"])
            self.changed()
        elif message.get("done") in link.in_hand:
            answer = _sound({**message, "open_files": link.take_files(message.get("files", 0))})
            self.answered(message["done"], answer)
            # Not before: if the answer makes no sense its process is ended, and the question mourned.
            del link.in_hand[message["done"]]

    def ended(self, link: WorkerLink[None], how: str, *, at_start: bool) -> None:
        """Take in that a process ended by itself: one that does so at its start is of no use."""
        if at_start:
            self.broken[link.label] = f"its process ended at its start, {how} ({link.blame})"
            self.changed()

    def mourn(self, link: WorkerLink[None], item_id: str, claimed: None, *, begun: bool, how: str) -> None:
        """Take in that a component's process is gone with a question in hand."""
        del claimed, link.in_hand[item_id]
        if not begun:
            self.answered(item_id, put_back())
            return
        failure = Failure(
            text=f"the process of {link.label} died with it in hand ({how})",
            kind=DEFECT,
            blame=f"{link.label} ({link.blame})",
        )
        self.answered(item_id, {"crashed": pack(failure)})

    def close(self, timeout: timedelta) -> None:
        """Have all processes end, within this time."""
        deadline = time.monotonic() + timeout.total_seconds()
        for link in self.links:
            if link.running:
                link.send({"stop": 1})
        while any(link.running for link in self.links):
            left_s = deadline - time.monotonic()
            self.wait(max(_KILLED_DIES_WITHIN_S, left_s))
            if left_s <= 0:
                for link in self.links:
                    link.kill()


def _sound(answer: Message) -> Message:
    """Make sure of what may go on to the coordinator as it is. Raises if it makes no sense."""
    if "unspent" in answer:
        return put_back()
    if "failed" in answer:
        after = answer["retry_after"]
        failed = pack(unpack(answer["failed"], Failure))
        return {"failed": failed, "retry_after": None if after is None else float(after)}
    if "crashed" in answer:
        raise ValueError("only its death says that")
    return answer


def put_back() -> Message:
    """The outcome of an item for which nobody was there: as if it had not been claimed, and not at once."""
    return {"unspent": 1, "after": NOT_THERE_WAITS_S}
