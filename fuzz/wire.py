"""The wire: what a caller sends to the acceptor, and what an archive answers to the requestor."""

from __future__ import annotations

import io
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from pydicom.dataset import Dataset

from hilum_core.dicom import pdu
from hilum_core.dicom.acceptor import (
    AcceptorSettings,
    Admission,
    Ending,
    Rejection,
    StoreRequest,
    serve_association,
)
from hilum_core.dicom.calls import RemoteNode, RequestorError, RequestorSettings
from hilum_core.dicom.channel import PduChannel
from hilum_core.dicom.command import Command, decode_command, response_to
from hilum_core.dicom.contexts import VERIFICATION, offer_contexts
from hilum_core.dicom.conversation import Conversation
from hilum_core.dicom.negotiation import (
    decode_associate_ac,
    decode_associate_rq,
    encode_associate_ac,
)
from hilum_core.dicom.opening import make_request, negotiate
from hilum_core.dicom.pdu import ProtocolError
from hilum_core.dicom.reception import CallerTls
from hilum_core.dicom.requestor import RequestorAssociation
from hilum_core.dicom.stream import PduStream
from hilum_core.dicom.transport import PlainTransport
from hilum_sdk import ContextNeed

CT: Final = "1.2.840.10008.5.1.4.1.1.2"
FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
MOST_BYTES: Final = 64 * 1024
"""More does not fit into a socket that nobody reads at the same time."""

NEEDS: Final = (
    ContextNeed(sop_class_uid=CT, transfer_syntaxes=(EXPLICIT,)),
    ContextNeed(sop_class_uid=VERIFICATION, transfer_syntaxes=(IMPLICIT,)),
    ContextNeed(sop_class_uid=FIND, transfer_syntaxes=(EXPLICIT, DEFLATED)),
)
_SETTINGS: Final = RequestorSettings(calling_ae="HILUM", max_pdu_bytes=16 * 1024)


class Finding(AssertionError):  # noqa: N818 - what was looked for
    """A value is wrong, or a fault of ours was caught on its way."""


class _Scripted(socket.socket):
    """Our end of a connection to a peer that takes whatever we send, and at each sending says its next words.

    After the last it ends its side. This is no TCP: what is set for TCP alone is left out.
    """

    def __init__(self, *words: bytes) -> None:
        ours, self._peer = socket.socketpair()
        super().__init__(fileno=ours.detach())
        self._words = [some[:MOST_BYTES] for some in words]

    def speak(self) -> _Scripted:
        """Have the peer say its next words."""
        if self._words:
            self._peer.sendall(self._words.pop(0))
        if not any(self._words):
            self._peer.close()
        return self

    def setsockopt(self, level: int, *option: Any) -> None:
        """Set the options that a local connection has."""
        if level != socket.IPPROTO_TCP:
            super().setsockopt(level, *option)

    def send(self, data: Any, _flags: int = 0, /) -> int:
        """Take it."""
        self.speak()
        return len(data)

    def close(self) -> None:
        """Close both ends."""
        self._peer.close()
        super().close()


# ---- the acceptor


class _Anybody:
    """Implements `Gatekeeper`: everybody may come in."""

    def admit(
        self, *, called_ae: str, calling_ae: str, address: str, tls: CallerTls | None = None
    ) -> Admission | Rejection:
        del called_ae, calling_ae, address, tls
        return Admission(peer="any")


class _Counting:
    """Implements `ObjectReceiver` and `ObjectWriter`: the bytes of what is begun are counted."""

    def __init__(self) -> None:
        self.committed = 0

    def begin(self, request: StoreRequest) -> _Counting:
        if not (request.sop_class_uid and request.sop_instance_uid and request.transfer_syntax_uid):
            raise Finding("an object without its UIDs was begun")
        return self

    def write(self, pieces: Sequence[memoryview]) -> None:
        for piece in pieces:
            bytes(piece)

    def commit(self) -> None:
        self.committed += 1

    def discard(self) -> None:
        pass


def check_acceptor(said: bytes) -> None:
    """A whole association ends in words of the protocol, and never for a fault of ours."""
    receiver = _Counting()
    report = serve_association(
        _Scripted(said).speak(),
        "127.0.0.1",
        gatekeeper=_Anybody(),
        receiver=receiver,
        settings=AcceptorSettings(buffer_bytes=16 * 1024),
        stopping=lambda: False,
    )
    if report.ending in {Ending.DEFECT, Ending.TIMED_OUT}:
        raise Finding(f"{report.ending}: {report.text}")
    if report.trouble and not report.trouble.startswith("0x"):  # no status: a fault that was caught
        raise Finding(report.trouble)
    if report.stored != receiver.committed or report.data_bytes > len(said):
        raise Finding("the report counts what was not there")


# ---- the codecs


def check_negotiation(body: bytes) -> None:
    """An associate PDU is read or refused; an acceptance that we can write is read as it was."""
    with suppress(ProtocolError):
        decode_associate_rq(body)
    with suppress(ProtocolError):
        accept = decode_associate_ac(body)
        # What we write is ASCII and short; what peers send need not be.
        with suppress(UnicodeEncodeError, OverflowError):
            encode_associate_ac(accept)


def check_command(encoded: bytes) -> None:
    """A command set is read or refused, and can be answered."""
    with suppress(ProtocolError):
        command = decode_command(encoded)
        _read_all(command)
        if not command.is_response:
            answer = decode_command(response_to(command, 0))
            if (answer.message_id, answer.status) != (command.message_id, 0):
                raise Finding("the answer is not to this command")


def _read_all(command: Command) -> None:
    for element in command.elements:
        command.number(element)
        command.text(element)
    with suppress(ProtocolError):
        _ = command.status


# ---- the requestor


def check_requestor(said: bytes) -> None:
    """Whatever an archive answers, there is an answer or an error for the operator."""
    for use in (_store, _echo, _find):
        with suppress(RequestorError):
            _with_archive_that_said(said, use)


def _with_archive_that_said(said: bytes, use: Callable[[RequestorAssociation], None]) -> None:
    stream = PduStream(buffer_bytes=128 * 1024, max_pdu_bytes=16 * 1024, most_pdu_bytes=1024 * 1024)
    first = pdu.PDU_HEADER.size + int.from_bytes(said[2:6], "big")  # answers the request for an association
    peer = _Scripted(said[:first], said[first:])
    channel = PduChannel(PlainTransport(peer), stream, send_timeout_s=10)
    try:
        offered = offer_contexts(NEEDS)
        request = make_request(
            RemoteNode(host="127.0.0.1", port=104, ae_title="ARCHIVE"), offered, _SETTINGS, {}
        )
        accept = negotiate(channel, request, timeout_s=10)
        conversation = Conversation(channel, accept.user.max_pdu_bytes, _SETTINGS)
        with RequestorAssociation(conversation, accept, offered, _SETTINGS) as association:
            use(association)
    finally:
        channel.close()


def _store(association: RequestorAssociation) -> None:
    association.store(
        io.BytesIO(bytes(64)), sop_class_uid=CT, sop_instance_uid="1.2.3", transfer_syntax_uid=EXPLICIT
    )


def _echo(association: RequestorAssociation) -> None:
    association.echo()


def _find(association: RequestorAssociation) -> None:
    query = Dataset()
    query.PatientID = ""
    for _ in association.find(FIND, query):
        pass
