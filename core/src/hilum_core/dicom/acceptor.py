"""One association as acceptor: C-ECHO and C-STORE (PS3.4 Annexes A and B).

It reads top to bottom as the association goes: `_negotiate`, then `_serve` message by message, and
whatever way it ends, `serve_association` says so in a report.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn

import attrs

from hilum_core.crash_points import reach
from hilum_core.dicom import command as dimse
from hilum_core.dicom import pdu, statuses
from hilum_core.dicom.acceptance import accept_request, reject_request, user_name
from hilum_core.dicom.channel import Cancelled, ConnectionEnded, PduChannel, PeerSilent
from hilum_core.dicom.command import Command, decode_command, response_to
from hilum_core.dicom.contexts import ACCEPTED, MOST_OF_A_UID, is_storage
from hilum_core.dicom.negotiation import (
    HEAD_BYTES,
    decode_associate_rq,
    decode_head,
    encode_associate_ac,
)
from hilum_core.dicom.patience import Patience
from hilum_core.dicom.pdu import SERVICE_USER, UNEXPECTED_PDU, ProtocolError, WholePdu
from hilum_core.dicom.reception import (
    CALLED_AE_NOT_RECOGNISED,
    CALLING_AE_NOT_RECOGNISED,
    LIMIT_EXCEEDED,
    MOST_PIECES,
    AcceptorSettings,
    Admission,
    AssociationReport,
    CallerTls,
    Ending,
    Gatekeeper,
    ObjectReceiver,
    ObjectWriter,
    Rejection,
    StoreRefused,
    StoreRequest,
)
from hilum_core.dicom.stream import PduStream, Piece
from hilum_core.dicom.tls import TlsTransport
from hilum_core.dicom.transport import HandshakeFailed, PlainTransport
from hilum_core.log import describe_exception
from hilum_sdk import Association

__all__ = [
    "CALLED_AE_NOT_RECOGNISED",
    "CALLING_AE_NOT_RECOGNISED",
    "LIMIT_EXCEEDED",
    "AcceptorSettings",
    "Admission",
    "AssociationReport",
    "Ending",
    "Gatekeeper",
    "ObjectReceiver",
    "ObjectWriter",
    "Rejection",
    "StoreRefused",
    "StoreRequest",
    "serve_association",
]


class _Rejected(Exception):  # noqa: N818 - a decision, not an error
    """The A-ASSOCIATE-RJ has been sent."""


class _AbortedByPeer(Exception):  # noqa: N818 - what happened
    """An A-ABORT has come."""


def serve_association(
    sock: socket.socket,
    address: str,
    *,
    gatekeeper: Gatekeeper,
    receiver: ObjectReceiver,
    settings: AcceptorSettings,
    stopping: Callable[[], bool],
    connected_at: float | None = None,
    tls: ssl.SSLContext | None = None,
) -> AssociationReport:
    """Serve one connection from its first byte to its last, and close it. Never raises.

    ``connected_at``: since when it has been there, by the monotonic clock; now by default. Its time to ask
    for an association counts from then. With ``tls`` nothing is taken but TLS.
    Once `stopping` says so, the association is aborted as soon as it is silent between two messages;
    what is being received is received to its end.
    """
    association = _Acceptor(
        sock,
        address,
        gatekeeper=gatekeeper,
        receiver=receiver,
        settings=settings,
        stopping=stopping,
        started=time.monotonic() if connected_at is None else connected_at,
        tls=tls,
    )
    ending, text = association.run()
    return association.report(ending, text)


@attrs.define
class _Tally:
    stored: int = 0
    refused: int = 0
    data_bytes: int = 0
    trouble: str = ""


class _Acceptor:
    def __init__(
        self,
        sock: socket.socket,
        address: str,
        *,
        gatekeeper: Gatekeeper,
        receiver: ObjectReceiver,
        settings: AcceptorSettings,
        stopping: Callable[[], bool],
        started: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._gatekeeper = gatekeeper
        self._receiver = receiver
        self._settings = settings
        self._stopping = stopping
        self._started = started
        stream = PduStream(
            buffer_bytes=settings.buffer_bytes,
            max_pdu_bytes=settings.max_pdu_bytes,
            most_pdu_bytes=settings.most_pdu_bytes,
        )
        plain = PlainTransport(sock)
        self._tls = TlsTransport(plain, tls, is_server=True) if tls else None
        self._channel = PduChannel(self._tls or plain, stream, send_timeout_s=settings.idle_s)
        self._facts = Association(calling_ae="", called_ae="", address=address)
        self._contexts: dict[int, tuple[str, str]] = {}
        self._is_established = False
        self._may_echo = False
        self._peer_max_pdu_bytes = 0
        self._tally = _Tally()
        self._patience = Patience(settings.idle_s)

    def report(self, ending: Ending, text: str) -> AssociationReport:
        return AssociationReport(
            calling_ae=self._facts.calling_ae,
            called_ae=self._facts.called_ae,
            address=self._facts.address,
            peer=self._facts.peer,
            stored=self._tally.stored,
            refused=self._tally.refused,
            data_bytes=self._tally.data_bytes,
            seconds=time.monotonic() - self._started,
            ending=ending,
            text=text,
            trouble=self._tally.trouble,
            oversized_pdus=self._channel.stream.oversized,
        )

    # ---- from the first byte to the last

    def run(self) -> tuple[Ending, str]:
        """Serve the association and say how it ended. The table of what is answered to what."""
        try:
            self._negotiate()
            self._serve()
            self._channel.send(pdu.encode_release_rp())
            ending, text = Ending.RELEASED, ""
        except _Rejected as rejected:
            ending, text = Ending.REJECTED, str(rejected)
        except HandshakeFailed as failure:
            ending, text = Ending.NOT_SECURE, str(failure)
        except _AbortedByPeer as abort:
            ending, text = Ending.ABORTED_BY_PEER, str(abort)
            self._channel.close()
        except ConnectionEnded as ended:
            ending, text = Ending.STOPPED if self._stopping() else Ending.LOST, str(ended)
            self._channel.close()
        except PeerSilent as silent:
            ending, text = Ending.TIMED_OUT, str(silent)
            if self._is_established:
                self._channel.abort()
            else:  # PS3.8 AA-2: without a request there is nobody to tell.
                self._channel.close()
        except Cancelled:
            ending, text = Ending.STOPPED, "the router stops"
            self._channel.abort()
        except ProtocolError as error:
            ending, text = Ending.PROTOCOL_ERROR, error.text
            self._channel.abort(error.source, error.reason)
        except Exception as defect:  # noqa: BLE001 - one bad association must not end the others
            ending, text = Ending.DEFECT, describe_exception(defect)
            self._channel.abort(pdu.SERVICE_PROVIDER)
        self._channel.finish(self._settings.artim_s, cancelled=self._stopping)
        return ending, text

    # ---- negotiation

    def _negotiate(self) -> None:
        deadline = self._started + self._settings.artim_s
        self._channel.open(deadline, cancelled=self._stopping)
        admission = self._admit(deadline)
        while (event := self._channel.stream.next_event()) is None:
            self._channel.receive(deadline)
        if not isinstance(event, WholePdu):
            raise _no_request(event)
        request = decode_associate_rq(event.body)
        self._facts = attrs.evolve(self._facts, user=user_name(request.user.user_identity))
        if rejection := reject_request(request):
            self._reject(rejection)
        if admission.verify_user and (rejection := admission.verify_user(request.user.user_identity)):
            self._reject(rejection)
        accept = accept_request(request, admission, self._settings)
        syntaxes = {context.context_id: context.abstract_syntax for context in reversed(request.contexts)}
        self._contexts = {
            result.context_id: (syntaxes[result.context_id], result.transfer_syntax)
            for result in accept.contexts
            if result.result == ACCEPTED
        }
        self._may_echo = admission.may_echo
        self._peer_max_pdu_bytes = request.user.max_pdu_bytes
        self._is_established = True
        self._channel.send(encode_associate_ac(accept))

    def _admit(self, deadline: float) -> Admission:
        """Ask the gatekeeper as soon as caller and called are known, before the rest is read."""
        stream = self._channel.stream
        while (head := stream.peek(HEAD_BYTES)) is None or head[0] != pdu.A_ASSOCIATE_RQ:
            if event := stream.next_event():
                raise _no_request(event)
            self._channel.receive(deadline)
        called_ae, calling_ae = decode_head(head)
        self._facts = attrs.evolve(self._facts, called_ae=called_ae, calling_ae=calling_ae)
        decision = self._gatekeeper.admit(
            called_ae=called_ae, calling_ae=calling_ae, address=self._facts.address, tls=self._caller_tls()
        )
        self._facts = attrs.evolve(self._facts, peer=decision.peer)
        if isinstance(decision, Rejection):
            self._reject(decision)
        return decision

    def _caller_tls(self) -> CallerTls | None:
        """What TLS has shown of the caller, which is kept with its objects."""
        if self._tls is None:
            return None
        certificate = self._tls.certificate
        if certificate is not None:
            self._facts = attrs.evolve(self._facts, tls_subject=certificate.subject)
        return CallerTls(certificate=certificate)

    def _reject(self, rejection: Rejection) -> NoReturn:
        self._channel.send(pdu.encode_reject(rejection.result, rejection.source, rejection.reason))
        raise _Rejected(rejection.text)

    # ---- messages

    def _serve(self) -> None:
        """Answer message after message until the peer asks to release."""
        while (message := self._next_command()) is not None:
            context_id, command = message
            if command.field == dimse.C_STORE_RQ:
                self._store(context_id, command)
                continue
            for _ in self._data_set(context_id, command):
                pass
            if command.field == dimse.C_ECHO_RQ:
                status = statuses.SUCCESS if self._may_echo else statuses.NOT_AUTHORISED
                self._respond(context_id, command, status)
            elif not command.is_response:  # C-CANCEL too: there is nothing under way to cancel.
                self._respond(context_id, command, statuses.UNRECOGNISED_OPERATION)

    def _store(self, context_id: int, command: Command) -> None:
        pieces = self._data_set(context_id, command)
        try:
            writer = self._receiver.begin(self._store_request(context_id, command))
            try:
                for some in pieces:
                    writer.write(some)
                writer.commit()
            except BaseException:
                writer.discard()
                raise
            status, comment = statuses.SUCCESS, ""
            self._tally.stored += 1
        except (ProtocolError, ConnectionEnded, PeerSilent, _AbortedByPeer):
            raise
        except StoreRefused as refusal:
            status, comment = refusal.status, refusal.comment
            self._tally.trouble = f"{statuses.status_in_words(status)}: {comment}"
        except Exception as defect:  # noqa: BLE001 - the sender must get an answer, and the next object a try
            status, comment = statuses.PROCESSING_FAILURE, "internal error"
            self._tally.trouble = describe_exception(defect)
        if status != statuses.SUCCESS:
            self._tally.refused += 1
            for _ in pieces:
                pass
        self._respond(context_id, command, status, comment)
        reach("receive.answered")

    def _store_request(self, context_id: int, command: Command) -> StoreRequest:
        abstract_syntax, transfer_syntax = self._contexts[context_id]
        if not is_storage(abstract_syntax):
            raise StoreRefused(statuses.SOP_CLASS_NOT_SUPPORTED, "not a storage presentation context")
        if not command.has_data_set:
            # None of the statuses that PS3.7 9.1.1.1.9 has for C-STORE is for want of the data set, which
            # is mandatory. 0x0110 would have senders try the same again; PS3.4's own failure does not.
            raise StoreRefused(statuses.CANNOT_UNDERSTAND, "the command announces no data set")
        sop_class_uid = command.text(dimse.AFFECTED_SOP_CLASS_UID)
        sop_instance_uid = command.text(dimse.AFFECTED_SOP_INSTANCE_UID)
        if not sop_class_uid or not sop_instance_uid:
            raise StoreRefused(statuses.INVALID_SOP_INSTANCE, "the command names no SOP class or instance")
        if max(len(sop_class_uid), len(sop_instance_uid)) > MOST_OF_A_UID:
            raise StoreRefused(statuses.INVALID_SOP_INSTANCE, "the command names a UID that is far too long")
        return StoreRequest(
            association=self._facts,
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            transfer_syntax_uid=transfer_syntax,
            message_id=command.message_id,
            move_originator_ae=command.text(dimse.MOVE_ORIGINATOR_AE) or None,
            move_originator_message_id=command.number(dimse.MOVE_ORIGINATOR_MESSAGE_ID) or None,
        )

    def _next_command(self) -> tuple[int, Command] | None:
        """Read the command set of the next message; None when the peer asks to release."""
        encoded = bytearray()
        context_id = 0
        while True:
            event = self._next_event(between_messages=not encoded)
            if isinstance(event, WholePdu):
                if event.type == pdu.A_RELEASE_RQ and not encoded:
                    return None
                raise _unexpected(event, "in an association")
            if not event.is_command:
                raise ProtocolError("sent a data set where a command set belongs", source=SERVICE_USER)
            context_id = self._same_context(context_id, event)
            encoded += event.payload
            if len(encoded) > dimse.MOST_COMMAND_BYTES:
                raise ProtocolError("sent a command set of more than 64 KiB", source=SERVICE_USER)
            if event.is_last:
                return context_id, decode_command(bytes(encoded))

    def _data_set(self, context_id: int, command: Command) -> Iterator[Sequence[memoryview]]:
        """The data set of a message: pieces of one read, then of the next.

        They are valid until the next are asked for.
        """
        is_last = not command.has_data_set
        while not is_last:
            pieces: list[memoryview] = []
            event: Piece | WholePdu | None = self._next_event()
            while event is not None:
                if isinstance(event, WholePdu):
                    raise _unexpected(event, "in the middle of a message")
                if event.is_command:
                    raise ProtocolError("sent a command set where a data set belongs", source=SERVICE_USER)
                self._same_context(context_id, event)
                self._tally.data_bytes += len(event.payload)
                pieces.append(event.payload)
                is_last = event.is_last
                event = None if is_last or len(pieces) == MOST_PIECES else self._channel.stream.next_event()
            yield pieces

    def _next_event(self, *, between_messages: bool = False) -> Piece | WholePdu:
        stream, patience = self._channel.stream, self._patience
        cancelled = self._may_stop if between_messages else None
        if between_messages:
            patience.renew()
        while (event := stream.next_event()) is None:
            since, before = time.monotonic(), stream.total
            self._channel.receive(since + patience.left_s, cancelled=cancelled)
            patience.waited(time.monotonic() - since, stream.total - before)
        return event

    def _may_stop(self) -> bool:
        return not self._channel.stream.in_pdu and self._stopping()

    def _same_context(self, context_id: int, piece: Piece) -> int:
        if piece.context_id not in self._contexts:
            raise ProtocolError(f"sent a message in presentation context {piece.context_id}: not accepted")
        if context_id not in {0, piece.context_id}:
            raise ProtocolError("sent a message in two presentation contexts")
        return piece.context_id

    def _respond(self, context_id: int, command: Command, status: int, comment: str = "") -> None:
        response = response_to(command, status, comment)
        self._channel.send(pdu.p_data(context_id, pdu.COMMAND, response, self._peer_max_pdu_bytes))


def _no_request(event: Piece | WholePdu) -> Exception:
    if isinstance(event, WholePdu) and event.type == pdu.A_ASSOCIATE_RQ:
        return ProtocolError("sent an A-ASSOCIATE-RQ that is too short to say who calls whom")
    return _unexpected(event, "before an A-ASSOCIATE-RQ")


def _unexpected(event: Piece | WholePdu, where: str) -> Exception:
    if not isinstance(event, WholePdu):
        return ProtocolError(f"sent an {pdu.name_of(pdu.P_DATA_TF)} {where}", reason=UNEXPECTED_PDU)
    if event.type == pdu.A_ABORT:
        return _AbortedByPeer(pdu.abort_in_words(event.body))
    if event.type == pdu.A_RELEASE_RQ:
        return ProtocolError(f"sent an {event.name} {where}", source=SERVICE_USER)
    return ProtocolError(f"sent an {event.name} {where}", reason=UNEXPECTED_PDU)
