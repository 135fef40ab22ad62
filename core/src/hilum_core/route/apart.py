"""The isolated filters as the routing worker sees them: asked without waiting for the answer.

An object whose filter has not answered yet is left aside, and the next one is looked at. So who needs
no isolated filter is not held up by one that hangs. A filter that has been silent for a second keeps
the object that it is at; all others that wait for it go back into the queue unspent, for a while, so
that they do not fill the worker's hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable

import attrs
from pydicom.dataset import Dataset

from hilum_core.queue.records import ClaimedObject, HeaderFacts
from hilum_core.registry import Isolated
from hilum_core.workers.isolation import Ended, Isolation, put_back
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack

_SILENT_S = 1.0
_STARTS_WITHIN_S = 5.0


@attrs.define(kw_only=True, eq=False)
class ObjectAtHand:
    """An object that is looked at, and what filters have said of it so far."""

    item_id: str
    path: str
    claimed: ClaimedObject
    header: Dataset
    facts: HeaderFacts
    answers: dict[str, bool] = attrs.field(factory=dict)


class NotAnswered(Exception):  # noqa: N818 - no error
    """A filter was asked, and its answer will come."""


@attrs.define(kw_only=True, eq=False)
class _Waiting:
    """An object that was left aside; ``is_asked`` is False while the filter's process starts."""

    at_hand: ObjectAtHand
    name: str
    since: float
    is_asked: bool = False


class FiltersApart(Isolation):
    """Asks the isolated filters.

    Parameters
    ----------
    decide
        Decides about an object again, now that another filter has answered.
    conclude
        Tells what becomes of an object about which nothing can be decided.
    changed
        Is told when a filter can be used, or cannot any more.
    """

    def __init__(
        self,
        session: WorkerSession,
        isolated: Iterable[Isolated],
        *,
        decide: Callable[[ObjectAtHand], None],
        conclude: Callable[[ObjectAtHand, Message], None],
        changed: Callable[[], None],
    ) -> None:
        limit_s = session.config.router.filter_timeout.total_seconds()
        super().__init__(session, "hilum_core.route.isolated", isolated, limit_s)
        self._decide = decide
        self._conclude = conclude
        self._changed = changed
        self._waiting: dict[str, _Waiting] = {}
        self._questions = 0

    def put_question(self, name: str, at_hand: ObjectAtHand) -> None:
        """Ask a filter about an object, which from now on waits.

        Raises
        ------
        Ended
            The filter has been silent for too long: nobody else shall wait for it.
        """
        if any(self._is_late(one) for one in self._waiting.values() if one.name == name):
            raise Ended(put_back())
        self._questions += 1
        waiting = _Waiting(at_hand=at_hand, name=name, since=time.monotonic())
        self._waiting[str(self._questions)] = waiting
        self._ask(str(self._questions), waiting)

    def _ask(self, question_id: str, waiting: _Waiting) -> None:
        at_hand = waiting.at_hand
        question = {
            "ask": "matches",
            "path": at_hand.path,
            "instance": pack(at_hand.claimed.stored.instance),
        }
        waiting.is_asked = self.ask(f"filters.{waiting.name}", question_id, question)

    def serve(self, timeout_s: float | None) -> None:
        """Hear the filters, and let nobody wait for one that is silent."""
        super().serve(timeout_s)
        late = {one.name for one in self._waiting.values() if self._is_late(one)}
        for name in late:
            link = self.link(f"filters.{name}")
            # Once: who does not listen would fill the pipe.
            if self._give_back(name, but=link.begun) and link.talking:
                link.send({"recall": 1})

    def _is_late(self, waiting: _Waiting) -> bool:
        most_s = _SILENT_S if waiting.is_asked else _STARTS_WITHIN_S
        return time.monotonic() - waiting.since > most_s

    def _give_back(self, name: str, *, but: Collection[str] = ()) -> int:
        given = [
            question_id
            for question_id, waiting in self._waiting.items()
            if waiting.name == name and question_id not in but
        ]
        for question_id in given:
            self._conclude(self._waiting.pop(question_id).at_hand, put_back())
        return len(given)

    def answered(self, question_id: str, answer: Message) -> None:
        """Go on with the object that waited for this answer, if it still does."""
        waiting = self._waiting.get(question_id)
        if waiting is None:
            return
        if "unspent" in answer:  # the process is gone: another one will be asked
            waiting.is_asked = False
            return
        match answer:
            case {"matches": bool(matches)}:
                del self._waiting[question_id]
                waiting.at_hand.answers[waiting.name] = matches
                self._decide(waiting.at_hand)
            case {"failed": _} | {"crashed": _} | {"unreadable": str()}:
                del self._waiting[question_id]
                self._conclude(waiting.at_hand, answer)
            case _:
                raise ValueError("that answers nothing")

    def changed(self) -> None:
        """Tell who decides, and ask what could not be asked."""
        self._changed()
        for question_id, waiting in list(self._waiting.items()):
            if f"filters.{waiting.name}" in self.broken:
                del self._waiting[question_id]
                self._decide(waiting.at_hand)
            elif not waiting.is_asked:
                waiting.since = time.monotonic()
                self._ask(question_id, waiting)

    def give_all_back(self) -> None:
        """Return what waits to the queue: the worker ends."""
        for link in self.links:
            self._give_back(link.label.removeprefix("filters."))
