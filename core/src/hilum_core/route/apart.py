"""The isolated filters as the routing worker sees them: asked without waiting for the answer.

An object whose filter has not answered yet is left aside, and the next one is looked at. So who needs
no isolated filter is not held up by one that hangs. A filter that has been silent for a second keeps
the object that it is at; all others that wait for it go back into the queue unspent, for a while, so
that they do not fill the worker's hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import attrs
from pydicom.dataset import Dataset

from hilum_core.queue.records import ClaimedObject, Failure, HeaderFacts
from hilum_core.registry import Isolated
from hilum_core.workers.isolation import Ended, Isolation, put_back
from hilum_core.workers.link import WorkerLink
from hilum_core.workers.pipe import Message
from hilum_core.workers.session import WorkerSession
from hilum_core.workers.wire import pack, unpack

_SILENT_S = 1.0


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


@attrs.frozen(kw_only=True)
class _Waiting:
    """An object that was left aside."""

    at_hand: ObjectAtHand
    name: str
    since: float


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
            The filter is not there, or has been silent for too long.
        """
        self._questions += 1
        question_id = str(self._questions)
        label = f"filters.{name}"
        question = {
            "ask": "matches",
            "path": at_hand.path,
            "instance": pack(at_hand.claimed.stored.instance),
        }
        if self._is_silent(self.link(label)) or not self.ask(label, question_id, question):
            raise Ended(put_back())
        self._waiting[question_id] = _Waiting(at_hand=at_hand, name=name, since=time.monotonic())

    def serve(self, timeout_s: float | None) -> None:
        """Hear the filters, and let nobody wait for one that is silent."""
        super().serve(timeout_s)
        for link in self.links:
            if len(link.in_hand) > 1 and self._is_silent(link):
                link.send({"recall": 1})
                self._put_back(question_id for question_id in link.in_hand if question_id not in link.begun)

    def _is_silent(self, link: WorkerLink[None]) -> bool:
        oldest = next((self._waiting[one].since for one in link.in_hand if one in self._waiting), None)
        return oldest is not None and time.monotonic() - oldest > _SILENT_S

    def _put_back(self, question_ids: Iterable[str]) -> None:
        for question_id in question_ids:
            if waiting := self._waiting.pop(question_id, None):
                self._conclude(waiting.at_hand, put_back())

    def answered(self, question_id: str, answer: Message) -> None:
        """Go on with the object that waited for this answer, if it still does."""
        waiting = self._waiting.pop(question_id, None)
        if waiting is None:
            return
        if "matches" in answer:
            waiting.at_hand.answers[waiting.name] = answer["matches"] is True
            self._decide(waiting.at_hand)
        elif "failed" in answer:
            failure = unpack(answer["failed"], Failure)  # what makes no sense ends the process here
            message = {"failed": pack(failure), "retry_after": answer["retry_after"]}
            self._conclude(waiting.at_hand, message)
        else:
            self._conclude(waiting.at_hand, answer)

    def changed(self) -> None:
        """Tell who decides."""
        self._changed()

    def give_all_back(self) -> None:
        """Return what waits to the queue: the worker ends."""
        self._put_back(list(self._waiting))
