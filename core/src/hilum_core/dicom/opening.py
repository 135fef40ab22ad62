"""How a requestor comes by its association: connect, propose, and read what the peer makes of it."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Final

from hilum_core.dicom import pdu
from hilum_core.dicom.calls import (
    AssociationLost,
    AssociationRejected,
    NotConnected,
    RemoteNode,
    RequestorSettings,
)
from hilum_core.dicom.channel import ConnectionEnded, PduChannel, PeerSilent
from hilum_core.dicom.negotiation import (
    AssociateAccept,
    AssociateRequest,
    ProposedContext,
    UserInformation,
    decode_associate_ac,
    encode_associate_rq,
)
from hilum_core.dicom.pdu import ProtocolError, WholePdu
from hilum_core.dicom.stream import PduStream
from hilum_core.dicom.tls import TlsTransport
from hilum_core.dicom.transport import HandshakeFailed, PlainTransport, Transport
from hilum_core.log import describe_exception

MOST_ANSWER_BYTES: Final = 16 * 1024 * 1024
"""No answer to a request of ours is larger; more is a peer gone wrong."""

_BUFFER_BYTES: Final = 128 * 1024
"""Responses are small, but an A-ASSOCIATE-AC must fit as a whole."""


def connect(node: RemoteNode, settings: RequestorSettings) -> PduChannel:
    """Connect to a node.

    Raises
    ------
    NotConnected
        There is no such host, nobody listens there, or there is no TLS with it.
    """
    deadline = time.monotonic() + settings.connect_timeout_s
    try:
        sock = socket.create_connection((node.host, node.port), timeout=settings.connect_timeout_s)
    except (OSError, UnicodeError) as error:
        raise NotConnected(f"no connection: {_reason(error)}; check host, port and that it runs") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # Without it the system takes a quarter of an hour to notice that a peer has vanished.
        timeout_ms = int(settings.send_timeout_s * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout_ms)
    stream = PduStream(
        buffer_bytes=_BUFFER_BYTES,
        max_pdu_bytes=settings.max_pdu_bytes,
        most_pdu_bytes=MOST_ANSWER_BYTES,
    )
    channel = PduChannel(_transport(node, sock), stream, send_timeout_s=settings.send_timeout_s)
    try:
        channel.open(deadline)
    except (HandshakeFailed, ConnectionEnded, PeerSilent) as error:
        channel.close()
        raise NotConnected(f"no TLS: the peer {error}") from error
    return channel


def _transport(node: RemoteNode, sock: socket.socket) -> Transport:
    plain = PlainTransport(sock)
    if node.tls is None:
        return plain
    return TlsTransport(
        plain,
        node.tls.context,
        is_server=False,
        server_name=node.tls.server_name,
        fingerprints=node.tls.fingerprints,
    )


def _reason(error: OSError | UnicodeError) -> str:
    match error:
        case TimeoutError():
            return "nobody answers"
        case UnicodeError():  # a label that is empty, or longer than DNS has any
            return "this cannot be the name of a host"
        case _:
            return error.strerror or describe_exception(error)


def make_request(
    node: RemoteNode,
    offered: tuple[ProposedContext, ...],
    settings: RequestorSettings,
    roles: Mapping[str, tuple[bool, bool]],
) -> AssociateRequest:
    """Make the A-ASSOCIATE-RQ."""
    return AssociateRequest(
        called_ae=node.ae_title,
        calling_ae=settings.calling_ae,
        contexts=offered,
        user=UserInformation(max_pdu_bytes=settings.max_pdu_bytes, roles=roles, user_identity=node.user),
    )


def negotiate(channel: PduChannel, request: AssociateRequest, timeout_s: float) -> AssociateAccept:
    """Propose an association and wait for the answer.

    Raises
    ------
    NotConnected, AssociationRejected, AssociationLost
        The answer was not an A-ASSOCIATE-AC. The channel is still to be closed.
    """
    try:
        channel.send(encode_associate_rq(request))
        return _read_answer(channel.next_event(timeout_s))
    except ConnectionEnded as error:
        raise NotConnected(f"no association: the peer {error}") from error
    except PeerSilent as error:
        raise NotConnected("no association: the peer does not answer the request for one") from error
    except ProtocolError as error:
        channel.abort(error.source, error.reason)
        raise NotConnected(f"no association: the peer {error.text}") from error


def _read_answer(event: object) -> AssociateAccept:
    if not isinstance(event, WholePdu):
        raise ProtocolError("sent data before it accepted the association", reason=pdu.UNEXPECTED_PDU)
    if event.type == pdu.A_ASSOCIATE_AC:
        return decode_associate_ac(event.body)
    if event.type == pdu.A_ASSOCIATE_RJ:
        _, result, source, reason = (event.body + bytes(4))[:4]
        raise AssociationRejected(result, source, reason)
    if event.type == pdu.A_ABORT:
        raise AssociationLost(f"no association: it was {pdu.abort_in_words(event.body)}", nothing_sent=True)
    raise ProtocolError(f"answered with an {event.name}", reason=pdu.UNEXPECTED_PDU)
