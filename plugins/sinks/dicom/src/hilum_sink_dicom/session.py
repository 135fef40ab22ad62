"""What one open association does: choose a transfer syntax for each object, send it, settle it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from pydicom import config as pydicom_config
from pydicom.uid import UID

from hilum_sdk import (
    ContextNeed,
    DestinationUnavailable,
    DicomAssociation,
    Feed,
    HilumError,
    Item,
    PermanentError,
    Receipt,
    TemporaryError,
)
from hilum_sink_dicom.config import DicomConfig
from hilum_sink_dicom.proposal import syntaxes_for
from hilum_sink_dicom.statuses import as_configured

# Enough to spare the lane most of its questions, few enough to hand back when the router stops.
_MOST_IN_HAND = 16


class Session:
    """One association, from the first object to the last.

    Attributes
    ----------
    answers
        How many objects the node has answered for.
    """

    def __init__(
        self,
        association: DicomAssociation,
        needs: Sequence[ContextNeed],
        config: DicomConfig,
        *,
        stopping: Callable[[], bool],
    ) -> None:
        self.answers = 0
        self._association = association
        self._config = config
        self._stopping = stopping
        self._proposed = {need.sop_class_uid: need.transfer_syntaxes for need in needs}

    def an_accepted_need(self) -> ContextNeed:
        """Give one of the contexts that the node has accepted; there always is one."""
        sop_class_uid, syntaxes = next(iter(self._association.accepted.items()))
        return ContextNeed(sop_class_uid=sop_class_uid, transfer_syntaxes=(next(iter(syntaxes)),))

    def send(self, feed: Feed, in_hand: deque[Item]) -> None:
        """Send until nothing comes, or the first object in hand needs another association.

        Raises
        ------
        DestinationUnavailable
            The association broke; the object that was being sent is the first in hand.
        """
        while in_hand or self._take(feed, in_hand):
            if self._stopping():
                while in_hand:
                    feed.give_back(in_hand.pop())
                return
            item = in_hand[0]
            try:
                chosen = self._choose(item)
            except PermanentError as error:
                feed.failed(item, error)
                in_hand.popleft()
                continue
            if chosen is None:
                return
            is_usable = self._store(feed, item, chosen)
            in_hand.popleft()
            if not is_usable:
                return

    def _choose(self, item: Item) -> str | None:
        """Choose the transfer syntax to send in; None if the node has to be asked for another first.

        An object is sent otherwise than it is only where the node was asked for that and refused.

        Raises
        ------
        PermanentError
            The node takes it in none.
        """
        allowed = syntaxes_for(item, reencode=self._config.reencode)
        for syntax in allowed:
            if syntax in self._association.accepted.get(item.sop_class_uid, ()):
                return syntax
            if syntax not in self._proposed.get(item.sop_class_uid, ()):
                return None
        raise PermanentError(self._refusal(item, allowed))

    def _take(self, feed: Feed, in_hand: deque[Item]) -> bool:
        in_hand.extend(feed.take(wait=self._config.idle, most_items=_MOST_IN_HAND))
        return bool(in_hand)

    def _store(self, feed: Feed, item: Item, syntax: str) -> bool:
        """Send and settle one object; False if the association cannot be used any more."""
        feed.begin(item)
        answer: Receipt | HilumError
        try:
            answer = self._association.store(item, syntax)
        except DestinationUnavailable:
            raise
        except HilumError as error:
            answer = error
        except OSError as error:
            # The router's own disk, in the middle of an object: no fault of the node.
            text = f"{self._config.peer}: the object cannot be read from the router's disk ({error.strerror})"
            feed.failed(item, TemporaryError(text))
            return False
        answer = as_configured(answer, self._config.statuses)
        if isinstance(answer, HilumError):
            feed.failed(item, answer)
        else:
            feed.delivered(item, answer)
        self.answers += 1
        return True

    def _refusal(self, item: Item, syntaxes: Sequence[str]) -> str:
        names = ", ".join(map(_name, syntaxes))
        return (
            f"{self._config.peer}: accepts no presentation context for {_name(item.sop_class_uid)} "
            f"in {names}, though it accepts others; let the node accept it, or send it elsewhere"
        )


def _name(uid: str) -> str:
    """Give a UID's name; of one that is unknown, or none, what stands there."""
    return UID(uid, validation_mode=pydicom_config.IGNORE).name
