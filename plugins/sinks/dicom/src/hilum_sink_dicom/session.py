"""What one open association does: choose a transfer syntax for each object, send it, settle it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence

from pydicom.uid import UID

from hilum_sdk import (
    ContextNeed,
    DestinationUnavailable,
    DicomAssociation,
    Feed,
    HilumError,
    Item,
    PermanentError,
)
from hilum_sink_dicom.config import DicomConfig

# Enough to spare the lane most of its questions, few enough to hand back when the router stops.
_MOST_IN_HAND = 16


def syntaxes_for(item: Item, *, reencode: bool) -> Sequence[str]:
    """Give the transfer syntaxes in which an object may be sent, its own first."""
    return item.transfer_syntaxes if reencode else (item.transfer_syntax_uid,)


class Session:
    """One association, from the first object to the last. ``answers``: how many the node has answered for."""

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
        self._needs = needs
        self._config = config
        self._stopping = stopping
        self._proposed = defaultdict[str, set[str]](set)
        for need in needs:
            self._proposed[need.sop_class_uid].update(need.transfer_syntaxes)

    def accepted_need(self) -> ContextNeed | None:
        """Give one of the needs that the node can serve."""
        for need in self._needs:
            accepted = self._association.accepted.get(need.sop_class_uid, ())
            if any(syntax in accepted for syntax in need.transfer_syntaxes):
                return need
        return None

    def send(self, feed: Feed, in_hand: deque[Item]) -> None:
        """Send until nothing comes, or the first object in hand needs a context that was not proposed.

        Raises
        ------
        DestinationUnavailable
            The association broke; the object that was being sent is the first in hand.
        """
        while in_hand or self._take(feed, in_hand):
            if self._stopping():
                while in_hand:
                    feed.give_back(in_hand.popleft())
                return
            item = in_hand[0]
            allowed = syntaxes_for(item, reencode=self._config.reencode)
            accepted = self._association.accepted.get(item.sop_class_uid, ())
            chosen = next((syntax for syntax in allowed if syntax in accepted), None)
            if chosen is not None:
                self._store(feed, item, chosen)
            elif self._proposed[item.sop_class_uid].issuperset(allowed):
                feed.failed(item, PermanentError(self._refusal(item, allowed)))
            else:
                return
            in_hand.popleft()

    def _take(self, feed: Feed, in_hand: deque[Item]) -> bool:
        in_hand.extend(feed.take(wait=self._config.idle, most_items=_MOST_IN_HAND))
        return bool(in_hand)

    def _store(self, feed: Feed, item: Item, syntax: str) -> None:
        feed.begin(item)
        try:
            receipt = self._association.store(item, syntax)
        except DestinationUnavailable:
            raise
        except HilumError as error:
            feed.failed(item, error)
        else:
            feed.delivered(item, receipt)
        self.answers += 1

    def _refusal(self, item: Item, syntaxes: Sequence[str]) -> str:
        names = ", ".join(UID(syntax).name for syntax in syntaxes)
        return (
            f"{self._config.peer}: accepts no presentation context for {UID(item.sop_class_uid).name} "
            f"in {names}, though it accepts others; let the node accept it, or send it elsewhere"
        )
