"""The protocol data units that are fixed by their type, and the errors of the protocol (PS3.8 9.3)."""

from __future__ import annotations

import struct
from typing import Final

import attrs

from hilum_core.log import escape

A_ASSOCIATE_RQ: Final = 0x01
A_ASSOCIATE_AC: Final = 0x02
A_ASSOCIATE_RJ: Final = 0x03
P_DATA_TF: Final = 0x04
A_RELEASE_RQ: Final = 0x05
A_RELEASE_RP: Final = 0x06
A_ABORT: Final = 0x07

PDU_HEADER: Final = struct.Struct(">BxI")
"""Type and length; the length does not count these six bytes."""

PDV_HEADER: Final = struct.Struct(">IBB")
"""Length, presentation context ID, message control header. The length counts the last two."""

PDV_OVERHEAD: Final = 6
"""What one PDV takes of a PDU's length beside its fragment; the "6 bytes" of all the rules."""

COMMAND: Final = 0b01
LAST: Final = 0b10
"""Message control header (PS3.8 E.2). The other bits are not checked by the receiver."""

NAMES: Final = {
    A_ASSOCIATE_RQ: "A-ASSOCIATE-RQ",
    A_ASSOCIATE_AC: "A-ASSOCIATE-AC",
    A_ASSOCIATE_RJ: "A-ASSOCIATE-RJ",
    P_DATA_TF: "P-DATA-TF",
    A_RELEASE_RQ: "A-RELEASE-RQ",
    A_RELEASE_RP: "A-RELEASE-RP",
    A_ABORT: "A-ABORT",
}

SERVICE_USER: Final = 0
SERVICE_PROVIDER: Final = 2
"""The source of an A-ABORT (PS3.8 Table 9-26)."""

NOT_SPECIFIED: Final = 0
UNRECOGNISED_PDU: Final = 1
UNEXPECTED_PDU: Final = 2
INVALID_PARAMETER: Final = 6
"""The reasons of an A-ABORT by the service provider; one by the service user has none."""

_ABORT_REASONS: Final = {
    NOT_SPECIFIED: "no reason given",
    UNRECOGNISED_PDU: "unrecognised PDU",
    UNEXPECTED_PDU: "unexpected PDU",
    4: "unrecognised PDU parameter",
    5: "unexpected PDU parameter",
    INVALID_PARAMETER: "invalid PDU parameter value",
}

_REJECT_RESULTS: Final = {1: "permanently", 2: "for now"}

_REJECT_REASONS: Final = {
    (1, 1): "no reason given",
    (1, 2): "application context name not supported",
    (1, 3): "calling AE title not recognised",
    (1, 7): "called AE title not recognised",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}


class ProtocolError(Exception):
    """The peer broke the protocol. Carries the A-ABORT to answer with.

    Parameters
    ----------
    text
        In words, for the log: what came, and what the standard has in its place.
    source, reason
        Of the A-ABORT (PS3.8 Table 9-26). A fault inside a message is for the service user to find,
        and an A-ABORT of the service user gives no reason.
    """

    def __init__(self, text: str, *, source: int = SERVICE_PROVIDER, reason: int = INVALID_PARAMETER) -> None:
        super().__init__(text)
        self.text = text
        self.source = source
        self.reason = reason if source == SERVICE_PROVIDER else NOT_SPECIFIED


@attrs.frozen(kw_only=True)
class WholePdu:
    """Any PDU but P-DATA-TF, complete. ``body`` is what stands after the six bytes of header."""

    type: int
    body: bytes

    @property
    def name(self) -> str:
        """The name of its type."""
        return name_of(self.type)


def name_of(pdu_type: int) -> str:
    """Name a PDU type for a person."""
    return NAMES.get(pdu_type, f"PDU of unknown type {pdu_type:02X}H")


def wire_text(raw: bytes) -> str:
    """Read a UID, an AE title or another text that a peer sent, safe to log.

    PS3.5 6.2: spaces around an AE title are not significant. UIDs come padded by NUL, space or nothing.
    """
    return escape(raw.strip(b"\0 ").decode("ascii", "backslashreplace"))


def frame(pdu_type: int, body: bytes) -> bytes:
    """Put the six bytes of header before a body."""
    return PDU_HEADER.pack(pdu_type, len(body)) + body


def encode_release_rq() -> bytes:
    """Encode an A-RELEASE-RQ (PS3.8 9.3.6)."""
    return frame(A_RELEASE_RQ, bytes(4))


def encode_release_rp() -> bytes:
    """Encode an A-RELEASE-RP (PS3.8 9.3.7)."""
    return frame(A_RELEASE_RP, bytes(4))


def encode_abort(source: int = SERVICE_USER, reason: int = NOT_SPECIFIED) -> bytes:
    """Encode an A-ABORT (PS3.8 9.3.8)."""
    return frame(A_ABORT, bytes((0, 0, source, reason)))


def encode_reject(result: int, source: int, reason: int) -> bytes:
    """Encode an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    return frame(A_ASSOCIATE_RJ, bytes((0, result, source, reason)))


def abort_in_words(body: bytes) -> str:
    """Say what an A-ABORT says. A body that is too short is read as far as it goes."""
    source, reason = (body + bytes(4))[2:4]
    if source == SERVICE_PROVIDER:
        return f"aborted by its protocol layer: {_ABORT_REASONS.get(reason, f'reason {reason}')}"
    return "aborted by its application"


def reject_in_words(result: int, source: int, reason: int) -> str:
    """Say what an A-ASSOCIATE-RJ says (PS3.8 Table 9-21)."""
    how = _REJECT_RESULTS.get(result, f"with result {result}")
    why = _REJECT_REASONS.get((source, reason), f"source {source}, reason {reason}")
    return f"rejected {how}: {why}"


def fragment_bytes(max_pdu_bytes: int, most: int) -> int:
    """The size of the fragments to send to a peer: even, at most `most`, and what its PDUs can hold.

    DCMTK and Orthanc abort an association on an odd fragment, so an odd maximum is rounded down. A
    maximum of 0 sets no limit (PS3.8 D.1); one too small for any fragment gets the smallest there is.
    """
    room = max_pdu_bytes - PDV_OVERHEAD if max_pdu_bytes else most
    return max(2, min(room, most) & ~1)


def p_data(context_id: int, control: int, message: bytes, max_pdu_bytes: int) -> bytes:
    """Lay out a command set, or a small data set, as P-DATA-TF PDUs of one PDV each (PS3.8 9.3.5)."""
    size = fragment_bytes(max_pdu_bytes, 0x10000)
    pdus = []
    for start in range(0, max(len(message), 1), size):
        part = message[start : start + size]
        last = LAST if start + size >= len(message) else 0
        pdus.append(PDU_HEADER.pack(P_DATA_TF, len(part) + PDV_OVERHEAD))
        pdus.append(PDV_HEADER.pack(len(part) + 2, context_id, control | last))
        pdus.append(part)
    return b"".join(pdus)
