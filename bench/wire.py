"""As much of DICOM's wire as a sender needs, on its own, so that what it costs is known and small.

PDUs of PS3.8 9.3; the command set of a C-STORE-RQ of PS3.7 9.3.1. What is stored goes by the first
presentation context, ID 1.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator, Sequence

from bench.objects import TRANSFER_SYNTAX_UID, BenchObject

SUCCESS = 0x0000
PDU_BYTES = 128 * 1024
"""The greatest PDU that anybody sends or takes here, so that it is the same for all."""
_CONTEXT_ID = 1
_PDU = struct.Struct(">BxI")
_PDV = struct.Struct(">IBB")
_ITEM = struct.Struct(">BxH")
_ELEMENT = struct.Struct("<HHI")


class WireError(Exception):
    """The receiver did not answer as it should."""


def associate(sock: socket.socket, *, called_ae: str, calling_ae: str, sop_class_uids: Sequence[str]) -> int:
    """Open an association, with a context for each SOP class; returns the receiver's greatest PDU length."""
    sock.sendall(associate_request(called_ae=called_ae, calling_ae=calling_ae, sop_class_uids=sop_class_uids))
    kind, answer = _read_pdu(sock)
    if kind != 0x02:
        raise WireError(f"the association was not accepted (PDU type {kind}): {answer[:4].hex()}")
    return _read_accept(answer)


def associate_request(*, called_ae: str, calling_ae: str, sop_class_uids: Sequence[str]) -> bytes:
    """The A-ASSOCIATE-RQ PDU."""
    user = _item(0x51, PDU_BYTES.to_bytes(4, "big")) + _item(0x52, "2.25.1")
    body = struct.pack(">H2x16s16s32x", 1, called_ae.encode().ljust(16), calling_ae.encode().ljust(16))
    body += _item(0x10, "1.2.840.10008.3.1.1.1")
    for number, uid in enumerate(sop_class_uids):
        context_id = bytes((_CONTEXT_ID + 2 * number, 0, 0, 0))
        body += _item(0x20, context_id + _item(0x30, uid) + _item(0x40, TRANSFER_SYNTAX_UID))
    body += _item(0x50, user)
    return _PDU.pack(0x01, len(body)) + body


def lay_out(an_object: BenchObject, max_pdu_bytes: int, message_id: int) -> bytes:
    """All bytes of one C-STORE request, ready to go out in one call."""
    return b"".join(pdus(an_object, max_pdu_bytes, message_id))


def pdus(an_object: BenchObject, max_pdu_bytes: int, message_id: int) -> Iterator[bytes]:
    """The PDUs of one C-STORE request."""
    fragment_bytes = min(max_pdu_bytes or PDU_BYTES, PDU_BYTES) - _PDV.size & ~1
    yield _p_data(_store_command(an_object, message_id), 0b11)
    left = an_object.size_bytes
    for fragment in _fragments(an_object.data_set(), fragment_bytes):
        left -= len(fragment)
        yield _p_data(fragment, 0b00 if left else 0b10)


def _fragments(pieces: Iterable[bytes], fragment_bytes: int) -> Iterator[bytes]:
    """The same bytes in fragments that are all of one length but for the last."""
    held = bytearray()
    for piece in pieces:
        held += piece
        whole = len(held) - len(held) % fragment_bytes
        for start in range(0, whole, fragment_bytes):
            yield bytes(held[start : start + fragment_bytes])
        del held[:whole]
    if held:
        yield bytes(held)


def read_status(sock: socket.socket) -> int:
    """Wait for the answer to a C-STORE; its status."""
    kind, body = _read_pdu(sock)
    if kind != 0x04:
        raise WireError(f"expected an answer, got a PDU of type {kind}")
    position = _PDV.size
    while position < len(body):
        _, element, length = _ELEMENT.unpack_from(body, position)
        position += _ELEMENT.size
        if element == 0x0900:
            return int.from_bytes(body[position : position + length], "little")
        position += length
    raise WireError("an answer without a status")


def release(sock: socket.socket) -> None:
    """End the association in order (PS3.8 9.3.6)."""
    sock.sendall(_PDU.pack(0x05, 4) + bytes(4))
    _read_pdu(sock)


def _p_data(fragment: bytes, control: int) -> bytes:
    header = _PDU.pack(0x04, len(fragment) + 6) + _PDV.pack(len(fragment) + 2, _CONTEXT_ID, control)
    return header + fragment


def _store_command(an_object: BenchObject, message_id: int) -> bytes:
    values: list[tuple[int, bytes]] = [
        (0x0002, _uid(an_object.kind.sop_class_uid)),
        (0x0100, (0x0001).to_bytes(2, "little")),
        (0x0110, (message_id % 0x10000).to_bytes(2, "little")),
        (0x0700, bytes(2)),
        (0x0800, bytes(2)),
        (0x1000, _uid(an_object.sop_instance_uid)),
    ]
    body = b"".join(_ELEMENT.pack(0, element, len(value)) + value for element, value in values)
    return _ELEMENT.pack(0, 0, 4) + len(body).to_bytes(4, "little") + body


def _uid(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)


def _item(kind: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _ITEM.pack(kind, len(raw)) + raw


def _read_accept(body: bytes) -> int:
    """The receiver's greatest PDU length, if it took the first context."""
    max_pdu_bytes = 0
    for kind, value in _items(body[68:]):
        if kind == 0x21 and value[0] == _CONTEXT_ID and value[2] != 0:
            raise WireError(f"the presentation context was refused, result {value[2]}")
        if kind == 0x50:
            lengths = [int.from_bytes(raw, "big") for sub, raw in _items(value) if sub == 0x51]
            max_pdu_bytes = lengths[0] if lengths else 0
    return max_pdu_bytes


def _items(encoded: bytes) -> list[tuple[int, bytes]]:
    found = []
    position = 0
    while position < len(encoded):
        kind, length = _ITEM.unpack_from(encoded, position)
        position += _ITEM.size
        found.append((kind, encoded[position : position + length]))
        position += length
    return found


def _read_pdu(sock: socket.socket) -> tuple[int, bytes]:
    kind, length = _PDU.unpack(read_exactly(sock, _PDU.size))
    return kind, read_exactly(sock, length)


def read_exactly(sock: socket.socket, count: int) -> bytes:
    """Read this many bytes."""
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise WireError("the receiver closed the connection")
        data += more
    return data
