"""The sink: which presentation contexts to ask for, and what to do when an association breaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager

from pydicom.uid import ImplicitVRLittleEndian

from hilum_sdk import (
    BatchSink,
    ContextNeed,
    DestinationUnavailable,
    DicomAssociation,
    Feed,
    Item,
    RefusedError,
    Timeouts,
)
from hilum_sink_dicom.config import DicomConfig
from hilum_sink_dicom.proposal import MOST_CONTEXTS, propose, syntaxes_for
from hilum_sink_dicom.session import Session

_VERIFICATION = ContextNeed(sop_class_uid="1.2.840.10008.1.1", transfer_syntaxes=(ImplicitVRLittleEndian,))


class DicomSink(BatchSink):
    """Sends what its lane offers to one DICOM node by C-STORE.

    Objects in hand are kept over a change of association and decide what the next one proposes first:
    so every association settles at least the object that it was opened for.
    """

    config: DicomConfig
    _accepted_before: ContextNeed | None = None
    _breaks_in_a_row: int = 0
    _broke_on: str = ""
    """The object on which the last association broke, with nothing answered since."""

    def probe(self) -> None:
        """Verify the node by C-ECHO."""
        with self._associate([_VERIFICATION]) as association:
            association.echo()

    def deliver(self, feed: Feed) -> None:
        """Send what waits, over as many associations as it takes, until nothing has come for ``idle``."""
        in_hand: deque[Item] = deque()
        while needs := self._needs(feed, in_hand):
            session: Session | None = None
            try:
                with self._associate(needs) as association:
                    session = Session(association, needs, self.config, stopping=self.context.stopping)
                    self._accepted_before = session.an_accepted_need()
                    session.send(feed, in_hand)
            except DestinationUnavailable as error:
                if session is None:
                    self._breaks_in_a_row = 0  # the node is at fault, and is probed before the next
                    raise
                self._after_break(feed, in_hand, error, had_answers=session.answers > 0)
            else:
                if session.answers:
                    self._breaks_in_a_row, self._broke_on = 0, ""
            if not in_hand:
                return

    def _associate(self, needs: Sequence[ContextNeed]) -> AbstractContextManager[DicomAssociation]:
        timeouts = Timeouts(
            connect=self.config.connect_timeout,
            association=self.config.association_timeout,
            send=self.config.send_timeout,
            response=self.config.response_timeout,
        )
        return self.context.dicom.associate(
            self.config.peer, needs, calling_ae=self.config.calling_ae, timeouts=timeouts
        )

    def _needs(self, feed: Feed, in_hand: Collection[Item]) -> Sequence[ContextNeed]:
        needed = [
            ContextNeed(
                sop_class_uid=item.sop_class_uid,
                transfer_syntaxes=tuple(syntaxes_for(item, reencode=self.config.reencode)),
            )
            for item in in_hand
        ]
        return propose(needed, feed.needs(at_most=MOST_CONTEXTS), self._accepted_before)

    def _after_break(
        self, feed: Feed, in_hand: deque[Item], error: DestinationUnavailable, *, had_answers: bool
    ) -> None:
        """Go on after an association broke: once with the same object, then with the next, then not.

        A node closes what was idle too long, so one break says nothing. An object on which two break
        is as good as refused: it must not stand before all others, nor come again for ever. If the
        next one fares the same with nothing answered between, the node is at fault.
        """
        if had_answers:
            self._breaks_in_a_row, self._broke_on = 0, ""
        self._breaks_in_a_row += 1
        if self._breaks_in_a_row > 2:
            raise error
        is_second_break = bool(in_hand) and in_hand[0].id == self._broke_on
        self._broke_on = in_hand[0].id if in_hand and not is_second_break else ""
        if is_second_break:
            text = f"{self.config.peer}: two associations broke while this object was sent: {error.message}"
            feed.failed(in_hand.popleft(), RefusedError(text))
