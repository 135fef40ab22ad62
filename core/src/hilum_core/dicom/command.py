"""The command set: its codec and the messages that we send (PS3.7 6.3, Annex E).

Always implicit VR little endian, elements of group 0000 only. A command set is kept as the mapping of
element numbers to the bytes that came, so that what is echoed in an answer is echoed as received.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

import attrs

from hilum_core.dicom.pdu import SERVICE_USER, ProtocolError, wire_text

MOST_COMMAND_BYTES: Final = 64 * 1024
"""No command set of the standard comes near; more is a peer gone wrong."""

NO_DATA_SET: Final = 0x0101
"""Command Data Set Type of a message without a data set; anything else says that one follows."""

RESPONSE: Final = 0x8000
C_STORE_RQ: Final = 0x0001
C_FIND_RQ: Final = 0x0020
C_ECHO_RQ: Final = 0x0030
N_ACTION_RQ: Final = 0x0130
C_CANCEL_RQ: Final = 0x0FFF

AFFECTED_SOP_CLASS_UID: Final = 0x0002
REQUESTED_SOP_CLASS_UID: Final = 0x0003
COMMAND_FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
MESSAGE_ID_BEING_RESPONDED_TO: Final = 0x0120
PRIORITY: Final = 0x0700
DATA_SET_TYPE: Final = 0x0800
STATUS: Final = 0x0900
ERROR_COMMENT: Final = 0x0902
AFFECTED_SOP_INSTANCE_UID: Final = 0x1000
REQUESTED_SOP_INSTANCE_UID: Final = 0x1001
ACTION_TYPE_ID: Final = 0x1008
MOVE_ORIGINATOR_AE: Final = 0x1030
MOVE_ORIGINATOR_MESSAGE_ID: Final = 0x1031

MEDIUM: Final = 0
"""Priority of a request; no peer is known to look at it."""

_ELEMENT = struct.Struct("<HHI")
_NUMBER = struct.Struct("<HHIH")
_GROUP_LENGTH = struct.Struct("<HHII")
_UIDS = frozenset(
    {
        AFFECTED_SOP_CLASS_UID,
        REQUESTED_SOP_CLASS_UID,
        AFFECTED_SOP_INSTANCE_UID,
        REQUESTED_SOP_INSTANCE_UID,
    }
)


def _malformed(text: str) -> ProtocolError:
    return ProtocolError(f"sent a malformed command set: {text}", source=SERVICE_USER)


@attrs.frozen
class Command:
    """A command set, by element number. Its required elements are there (see `decode_command`)."""

    elements: Mapping[int, bytes]

    @property
    def field(self) -> int:
        """Which request or response it is."""
        return self.number(COMMAND_FIELD)

    @property
    def message_id(self) -> int:
        """Of a request: its own. Of a response: that of its request."""
        return self.number(MESSAGE_ID_BEING_RESPONDED_TO if self.is_response else MESSAGE_ID)

    @property
    def is_response(self) -> bool:
        """Whether this answers a request. C-CANCEL-RQ counts as one: it too has no message ID of its own."""
        return bool(self.field & RESPONSE) or self.field == C_CANCEL_RQ

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self.number(DATA_SET_TYPE) != NO_DATA_SET

    @property
    def status(self) -> int:
        """Of a response.

        Raises
        ------
        ProtocolError
            There is none, so that nobody knows what became of the request.
        """
        if len(self.elements.get(STATUS, b"")) != 2:
            raise _malformed("a response without a status (0000,0900) of two bytes")
        return self.number(STATUS)

    def number(self, element: int) -> int:
        """An unsigned number; 0 where it is absent or empty."""
        return int.from_bytes(self.elements.get(element, b""), "little")

    def text(self, element: int) -> str:
        """A UID or text without its padding, whichever it is: NUL, space or nothing."""
        return wire_text(self.elements.get(element, b""))


def decode_command(encoded: bytes) -> Command:
    """Read a command set. Its group length is ignored: some senders get it wrong, and nobody needs it.

    Raises
    ------
    ProtocolError
        An element goes past the end or is not of group 0000, or what says which message it is and
        whether a data set follows (0000,0100), (0000,0110) or (0000,0120), (0000,0800) is not there.
    """
    elements: dict[int, bytes] = {}
    position = 0
    while position < len(encoded):
        if len(encoded) - position < _ELEMENT.size:
            raise _malformed(f"{len(encoded) - position} bytes are left after its last element")
        group, element, length = _ELEMENT.unpack_from(encoded, position)
        position += _ELEMENT.size
        if group:
            raise _malformed(f"element ({group:04X},{element:04X}) does not belong there")
        if length > len(encoded) - position:
            raise _malformed(f"element (0000,{element:04X}) announces {length} bytes and has fewer")
        elements[element] = encoded[position : position + length]
        position += length
    command = Command(elements)
    _require(command, COMMAND_FIELD, DATA_SET_TYPE)
    _require(command, MESSAGE_ID_BEING_RESPONDED_TO if command.is_response else MESSAGE_ID)
    return command


def _require(command: Command, *elements: int) -> None:
    for element in elements:
        if len(command.elements.get(element, b"")) != 2:
            raise _malformed(f"it has no (0000,{element:04X}) of two bytes")


def encode_command(values: Mapping[int, int | str | bytes]) -> bytes:
    """Encode a command set, its group length first. Bytes go out as they are, so that they can be echoed.

    The elements are given in order. One whose value is empty is left out.
    """
    parts = []
    for element, value in values.items():
        if isinstance(value, int):
            parts.append(_NUMBER.pack(0, element, 2, value))
        elif value:
            raw = value if isinstance(value, bytes) else _encode_text(element, value)
            parts.append(_ELEMENT.pack(0, element, len(raw)) + raw)
    body = b"".join(parts)
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def _encode_text(element: int, value: str) -> bytes:
    raw = value.encode("ascii", "replace")
    # PS3.5 6.2: UIDs are padded by a NUL, text by a space.
    return raw + (b"\0" if element in _UIDS else b" ") * (len(raw) % 2)


def response_to(command: Command, status: int, comment: str = "") -> bytes:
    """Encode the response to a request: what it named is echoed as received (PS3.7 9.3, 10.3)."""
    named = command.elements
    sop_class = named.get(AFFECTED_SOP_CLASS_UID, named.get(REQUESTED_SOP_CLASS_UID, b""))
    sop_instance = named.get(AFFECTED_SOP_INSTANCE_UID, named.get(REQUESTED_SOP_INSTANCE_UID, b""))
    return encode_command(
        {
            AFFECTED_SOP_CLASS_UID: sop_class,
            COMMAND_FIELD: command.field | RESPONSE,
            MESSAGE_ID_BEING_RESPONDED_TO: command.message_id,
            DATA_SET_TYPE: NO_DATA_SET,
            STATUS: status,
            ERROR_COMMENT: comment[:64],  # LO (PS3.7 Table C.1)
            AFFECTED_SOP_INSTANCE_UID: sop_instance,
        }
    )


def c_store_rq(message_id: int, sop_class_uid: str, sop_instance_uid: str) -> bytes:
    """Encode a C-STORE-RQ (PS3.7 9.3.1.1)."""
    return encode_command(
        {
            AFFECTED_SOP_CLASS_UID: sop_class_uid,
            COMMAND_FIELD: C_STORE_RQ,
            MESSAGE_ID: message_id,
            PRIORITY: MEDIUM,
            DATA_SET_TYPE: 0x0000,
            AFFECTED_SOP_INSTANCE_UID: sop_instance_uid,
        }
    )


def c_echo_rq(message_id: int) -> bytes:
    """Encode a C-ECHO-RQ (PS3.7 9.3.5.1)."""
    return encode_command(
        {
            AFFECTED_SOP_CLASS_UID: "1.2.840.10008.1.1",
            COMMAND_FIELD: C_ECHO_RQ,
            MESSAGE_ID: message_id,
            DATA_SET_TYPE: NO_DATA_SET,
        }
    )


def c_find_rq(message_id: int, model_uid: str) -> bytes:
    """Encode a C-FIND-RQ (PS3.7 9.3.2.1)."""
    return encode_command(
        {
            AFFECTED_SOP_CLASS_UID: model_uid,
            COMMAND_FIELD: C_FIND_RQ,
            MESSAGE_ID: message_id,
            PRIORITY: MEDIUM,
            DATA_SET_TYPE: 0x0000,
        }
    )


def c_cancel_rq(message_id: int) -> bytes:
    """Encode the C-CANCEL-RQ of an operation under way (PS3.7 9.3.2.3)."""
    return encode_command(
        {
            COMMAND_FIELD: C_CANCEL_RQ,
            MESSAGE_ID_BEING_RESPONDED_TO: message_id,
            DATA_SET_TYPE: NO_DATA_SET,
        }
    )


def n_action_rq(message_id: int, sop_class_uid: str, sop_instance_uid: str, action_type: int) -> bytes:
    """Encode an N-ACTION-RQ that has a data set (PS3.7 10.3.4.1)."""
    return encode_command(
        {
            REQUESTED_SOP_CLASS_UID: sop_class_uid,
            COMMAND_FIELD: N_ACTION_RQ,
            MESSAGE_ID: message_id,
            DATA_SET_TYPE: 0x0000,
            REQUESTED_SOP_INSTANCE_UID: sop_instance_uid,
            ACTION_TYPE_ID: action_type,
        }
    )
