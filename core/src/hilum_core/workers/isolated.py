"""What the process of one isolated component does: it answers questions until its worker says stop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from hilum_core.registry import Composed
from hilum_core.workers.failures import failure_of, retry_after_s
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack
from hilum_sdk import Component

_START_WITHIN_S = 60.0

C = TypeVar("C", bound=Component)


class IsolatedComponent(ABC, Generic[C]):
    """One component, and the questions that it can be asked."""

    def __init__(self, session: WorkerSession, composed: Composed, component: C, limit_s: float) -> None:
        self.session = session
        self.composed = composed
        self.component = component
        self._limit_s = limit_s

    @abstractmethod
    def about(self) -> Message:
        """What the worker has to know of the component. Raises what makes it useless."""

    @abstractmethod
    def answer(self, question: Message) -> tuple[Message, Sequence[int]]:
        """Answer a question, with open files; raises whatever the component raises."""

    def forget(self) -> None:
        """Let go of what the last answer needed."""

    def run(self, about: Message) -> None:
        """Say hello, and work until the worker says stop."""
        session = self.session
        session.send({"hello": {"blame": self.composed.blame, **about}})
        while True:
            session.look()  # what is called back is not begun
            item = session.next_item()
            if item is None:
                break
            session.begin(item["id"])
            outcome, files = self._outcome(item)
            if files:
                session.send({"done": item["id"], **outcome, "files": len(files)}, files)
            else:
                session.done(item["id"], outcome)
            self.forget()
        session.flush()
        session.close(self.component, label=self.composed.entry.label)
        session.end()

    def _outcome(self, item: Message) -> tuple[Message, Sequence[int]]:
        try:
            return self.answer(item)
        except MemoryError:
            raise
        except BaseException as error:  # noqa: BLE001 - a plugin may raise anything, SystemExit too
            failure = failure_of(error, blame=f"{self.composed.entry.label} ({self.composed.blame})")
            return {"failed": pack(failure), "retry_after": retry_after_s(error)}, ()

    def calling(self) -> AbstractContextManager[None]:
        """Bound a call of the component."""
        return self.session.timer.limit(self._limit_s)


def serve(argv: Sequence[str], make: Callable[[WorkerSession, Composed], IsolatedComponent[C]]) -> None:
    """Run the process of the component that the label names; one that cannot be made says why, and ends."""
    session = WorkerSession.start(argv)
    label = session.arguments.label
    composed = session.composition.components.get(label)
    if composed is None:
        session.send({"broken": session.reasons().get(label, "not in the config")})
        session.end()
    try:
        with session.timer.limit(_START_WITHIN_S):
            isolated = make(session, composed)
            about = isolated.about()
    except MemoryError:
        raise
    except BaseException as error:  # noqa: BLE001 - as above
        failure = failure_of(error, blame=composed.blame)
        session.send({"broken": f"{failure.text} ({failure.blame})"})
        session.end()
    isolated.run(about)
