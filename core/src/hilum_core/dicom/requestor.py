"""One association as requestor: C-STORE for many objects, and the rare services beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO, Final, Self

from pydicom.dataset import Dataset

from hilum_core.dicom import command as dimse
from hilum_core.dicom.calls import (
    AssociationLost,
    AssociationRejected,
    NoContextAccepted,
    NotConnected,
    RemoteNode,
    RequestorError,
    RequestorSettings,
    StoreAnswer,
)
from hilum_core.dicom.channel import Flow
from hilum_core.dicom.contexts import ACCEPTED, VERIFICATION, offer_contexts
from hilum_core.dicom.conversation import Conversation
from hilum_core.dicom.data_sets import decode_data_set, encode_data_set
from hilum_core.dicom.negotiation import AssociateAccept, ProposedContext
from hilum_core.dicom.opening import connect, make_request, negotiate
from hilum_core.dicom.outbox import FileSegment, Outbox
from hilum_core.dicom.pdu import SERVICE_USER, ProtocolError
from hilum_core.dicom.statuses import SUCCESS, status_in_words
from hilum_sdk import ContextNeed

__all__ = [
    "AssociationLost",
    "AssociationRejected",
    "FileSegment",
    "NoContextAccepted",
    "NotConnected",
    "RemoteNode",
    "RequestorAssociation",
    "RequestorError",
    "RequestorSettings",
    "StoreAnswer",
]

_DEFLATED_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1.99"
_MIB: Final = 1024 * 1024
_PENDING: Final = frozenset({0xFF00, 0xFF01})
"""C-FIND: here is a match, more may follow (PS3.4 Table C.4-1)."""


class RequestorAssociation:
    """An open association. Made by `open`, used by one thread, released at the end of its ``with`` block."""

    def __init__(
        self,
        conversation: Conversation,
        accept: AssociateAccept,
        offered: Sequence[ProposedContext],
        settings: RequestorSettings,
    ) -> None:
        self.roles: Mapping[str, tuple[bool, bool]] = accept.user.roles
        self._conversation = conversation
        self._settings = settings
        self._outbox = Outbox(conversation.channel, accept.user.max_pdu_bytes)
        self._contexts = _accepted_contexts(accept, offered)

    @classmethod
    def open(
        cls,
        node: RemoteNode,
        needs: Sequence[ContextNeed],
        settings: RequestorSettings,
        roles: Mapping[str, tuple[bool, bool]] | None = None,
    ) -> Self:
        """Connect and negotiate.

        Parameters
        ----------
        needs
            What to offer, the most wanted first; see `offer_contexts`.
        roles
            By SOP class, whether we would be SCU and SCP, where that differs from SCU alone
            (PS3.7 D.3.3.4). What the peer made of it is in `roles`.

        Raises
        ------
        NotConnected, AssociationRejected, AssociationLost
            There is no association.
        NoContextAccepted
            There was one, and it has been released, because the peer accepts nothing of what was offered.
        """
        offered = offer_contexts(needs)
        channel = connect(node, settings)
        try:
            request = make_request(node, offered, settings, roles or {})
            accept = negotiate(channel, request, settings.association_timeout_s)
        except BaseException:
            channel.close()
            raise
        conversation = Conversation(channel, accept.user.max_pdu_bytes, settings)
        association = cls(conversation, accept, offered, settings)
        if not association.accepted:
            association.release()
            raise NoContextAccepted("the association was accepted, but none of its presentation contexts")
        return association

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    @property
    def accepted(self) -> Mapping[str, tuple[str, ...]]:
        """By SOP class, the transfer syntaxes that the peer accepted."""
        accepted: dict[str, tuple[str, ...]] = {}
        for sop_class_uid, syntax in self._contexts:
            accepted[sop_class_uid] = (*accepted.get(sop_class_uid, ()), syntax)
        return accepted

    @property
    def is_usable(self) -> bool:
        """Whether the association is open, as far as is known."""
        return self._conversation.is_usable

    def release(self) -> None:
        """Release the association in order and close the connection. Never raises; safe twice."""
        self._conversation.release()

    def abort(self) -> None:
        """Abort the association and close the connection. Never raises; safe twice."""
        self._conversation.abort()

    # ---- services

    def store(
        self,
        source: FileSegment | BinaryIO,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        progress: Callable[[], None] | None = None,
        while_waiting: Callable[[], None] | None = None,
    ) -> StoreAnswer:
        """Send one object by C-STORE (PS3.7 9.1.1), its data set exactly as it is.

        One exception: a deflated data set of odd length gets the byte 00H that it should have
        (PS3.5 A.5). Odd ones of other transfer syntaxes break PS3.5 7.1 and go out as they came: some
        peers take them, and to mend an object is not for the wire.

        Parameters
        ----------
        progress
            Called twice a second or more, as long as the peer goes on taking what was sent, and while its
            answer is waited for, which has a time limit of its own.
        while_waiting
            Called once all is sent, while the peer is at work on it: the time for `get_ready`. Must not
            raise.

        Raises
        ------
        NoContextAccepted
            The peer accepted no presentation context for this object. Nothing was sent.
        AssociationLost
            The association ended before the answer.
        OSError
            The source could not be read. The association has been aborted, as it cannot be taken back
            that the object was begun.
        """
        context_id = self._context_for(sop_class_uid, transfer_syntax_uid)
        message_id = self._conversation.next_message_id()
        command = dimse.c_store_rq(message_id, sop_class_uid, sop_instance_uid)
        flow = Flow(self._conversation.channel, progress) if progress else None
        with self._conversation.exchange("while an object was sent"):
            size = self._outbox.send(
                context_id,
                self._conversation.command_pdus(context_id, command),
                source,
                pad_odd=transfer_syntax_uid == _DEFLATED_LITTLE_ENDIAN,
                each_step=flow,
            )
            if while_waiting:
                while_waiting()
            extra_s = self._settings.response_timeout_s_per_mib * size / _MIB
            answer, _ = self._conversation.response(
                message_id, to=dimse.C_STORE_RQ, extra_s=extra_s, alive=progress
            )
            _check_instance(answer, sop_instance_uid)
            return StoreAnswer(status=answer.status, comment=answer.text(dimse.ERROR_COMMENT))

    def get_ready(self, source: FileSegment) -> None:
        """Read the first of a data set ahead; if the next `store` is given this very segment, it saves time.

        Raises
        ------
        OSError
            The file cannot be read. Nothing was sent, and the association is as it was.
        """
        self._outbox.get_ready(source)

    def echo(self) -> None:
        """Verify the association by C-ECHO (PS3.7 9.1.5).

        Raises
        ------
        RequestorError
            The peer answered with a failure. Otherwise as `store`.
        """
        context_id = self._context_for(VERIFICATION)
        message_id = self._conversation.next_message_id()
        with self._conversation.exchange("at C-ECHO"):
            self._conversation.send(context_id, dimse.c_echo_rq(message_id))
            answer, _ = self._conversation.response(message_id, to=dimse.C_ECHO_RQ)
            status = answer.status
        if status != SUCCESS:
            raise RequestorError(f"C-ECHO was answered with {status_in_words(status)}", status=status)

    def n_action(self, sop_class_uid: str, sop_instance_uid: str, action_type: int, dataset: Dataset) -> int:
        """Ask for an action and return the status (PS3.7 10.1.4). Raises as `store`."""
        context_id = self._context_for(sop_class_uid)
        message_id = self._conversation.next_message_id()
        command = dimse.n_action_rq(message_id, sop_class_uid, sop_instance_uid, action_type)
        encoded = encode_data_set(dataset, self._syntax_of(context_id))
        with self._conversation.exchange("at N-ACTION"):
            self._conversation.send(context_id, command, encoded)
            answer, _ = self._conversation.response(message_id, to=dimse.N_ACTION_RQ)
            return answer.status

    def find(self, model_uid: str, query: Dataset) -> Iterator[Dataset]:
        """Query by C-FIND (PS3.7 9.1.2), one data set for each match.

        Whoever stops before the last match cancels the query.

        Raises
        ------
        RequestorError
            The peer answered with a failure. Otherwise as `store`.
        """
        context_id = self._context_for(model_uid)
        syntax = self._syntax_of(context_id)
        message_id = self._conversation.next_message_id()
        encoded = encode_data_set(query, syntax)
        with self._conversation.exchange("at C-FIND"):
            self._conversation.send(context_id, dimse.c_find_rq(message_id, model_uid), encoded)
            status, match = self._next_match(message_id, context_id, syntax)
        while match is not None:
            try:
                yield match
            except GeneratorExit:
                self._cancel(context_id, message_id)
                raise
            with self._conversation.exchange("at C-FIND", begins=False):
                status, match = self._next_match(message_id, context_id, syntax)
        if status != SUCCESS:
            raise RequestorError(f"C-FIND was answered with {status_in_words(status)}", status=status)

    def _next_match(self, message_id: int, context_id: int, syntax: str) -> tuple[int, Dataset | None]:
        answer, identifier = self._conversation.response(
            message_id, to=dimse.C_FIND_RQ, context_id=context_id
        )
        is_match = answer.status in _PENDING
        return answer.status, decode_data_set(identifier, syntax) if is_match else None

    def _cancel(self, context_id: int, message_id: int) -> None:
        with suppress(AssociationLost), self._conversation.exchange("at C-CANCEL", begins=False):
            self._conversation.send(context_id, dimse.c_cancel_rq(message_id))
            while self._conversation.response(message_id, to=dimse.C_FIND_RQ)[0].status in _PENDING:
                pass  # matches that were already on their way

    def _context_for(self, sop_class_uid: str, transfer_syntax_uid: str | None = None) -> int:
        for (abstract_syntax, syntax), context_id in self._contexts.items():
            if abstract_syntax == sop_class_uid and transfer_syntax_uid in {None, syntax}:
                return context_id
        which = f" in transfer syntax {transfer_syntax_uid}" if transfer_syntax_uid else ""
        raise NoContextAccepted(f"no presentation context accepted for SOP class {sop_class_uid}{which}")

    def _syntax_of(self, context_id: int) -> str:
        return next(syntax for (_, syntax), number in self._contexts.items() if number == context_id)


def _check_instance(answer: dimse.Command, sop_instance_uid: str) -> None:
    """See that an answer to C-STORE is about the object that was sent, if it says (PS3.7 9.1.1.1.5).

    Raises
    ------
    ProtocolError
        It names another: nobody knows what became of ours.
    """
    named = answer.text(dimse.AFFECTED_SOP_INSTANCE_UID)
    if named not in {"", sop_instance_uid.strip("\0 ")}:
        raise ProtocolError("answered for another object than was sent", source=SERVICE_USER)


def _accepted_contexts(
    accept: AssociateAccept, offered: Sequence[ProposedContext]
) -> dict[tuple[str, str], int]:
    """Presentation context IDs by SOP class and transfer syntax.

    An acceptance with a transfer syntax that was not offered in that context is none.
    """
    by_id = {context.context_id: context for context in offered}
    contexts = {}
    for answer in accept.contexts:
        context = by_id.get(answer.context_id)
        if context and answer.result == ACCEPTED and answer.transfer_syntax in context.transfer_syntaxes:
            contexts[context.abstract_syntax, answer.transfer_syntax] = answer.context_id
    return contexts
