"""`RawAssociation`: a C-STORE requestor on a bare socket, fast, and as rude as a test wants it.

It shares no code with the router's own wire, so that an error in one does not hide an error in the
other.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import attrs

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
_ACCEPT, _REJECT, _P_DATA, _RELEASE_RQ, _RELEASE_RP, _ABORT = 2, 3, 4, 5, 6, 7
_STATUS = (0x0000, 0x0900)
_MOST_FRAGMENT = 1 << 17


class Rejected(Exception):  # noqa: N818 - an answer of the peer
    """The association was rejected; PS3.8 Table 9-21."""

    def __init__(self, result: int, source: int, reason: int) -> None:
        super().__init__(f"result {result}, source {source}, reason {reason}")
        self.answer = (result, source, reason)


class Ended(Exception):  # noqa: N818 - an end that tests wait for
    """The peer aborted, released, or closed the connection."""


@attrs.define
class RawAssociation:
    """An open association. ``contexts``: the accepted (SOP class, transfer syntax) by context ID."""

    sock: socket.socket
    contexts: Mapping[int, tuple[str, str]]
    fragment_bytes: int
    _message_id: int = 0

    @classmethod
    def open(
        cls,
        port: int,
        contexts: Sequence[tuple[str, str]],
        *,
        calling_ae: str = "MODALITY",
        called_ae: str = "HILUM",
        timeout_s: float = 30,
    ) -> Self:
        """Connect and propose one context for each (SOP class, transfer syntax).

        Raises
        ------
        Rejected, Ended, OSError
        """
        sock = socket.create_connection(("127.0.0.1", port), timeout_s)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.sendall(associate_rq(contexts, calling_ae=calling_ae, called_ae=called_ae))
            results, most = _read_answer(sock)
        except BaseException:
            sock.close()
            raise
        accepted = {
            context_id: contexts[context_id // 2] for context_id, result in results.items() if result == 0
        }
        fragment = min(most - 6 if most else _MOST_FRAGMENT, _MOST_FRAGMENT) & ~1
        return cls(sock, accepted, fragment)

    def store(
        self,
        sop_class_uid: str,
        sop_instance_uid: str,
        data_set: Iterable[bytes | memoryview],
        *,
        transfer_syntax_uid: str = EXPLICIT_LITTLE_ENDIAN,
    ) -> int:
        """Send one object, its data set piece by piece, and return the status it is answered with."""
        self.begin_store(sop_class_uid, sop_instance_uid, transfer_syntax_uid=transfer_syntax_uid)
        context_id = self.context_id(sop_class_uid, transfer_syntax_uid)
        held: memoryview | None = None
        for piece in data_set:
            view = memoryview(piece)
            for start in range(0, len(view), self.fragment_bytes):
                if held is not None:
                    self.send_pdv(context_id, held, control=0)
                held = view[start : start + self.fragment_bytes]
        self.send_pdv(context_id, b"" if held is None else held, control=2)
        return self.read_status()

    def begin_store(
        self, sop_class_uid: str, sop_instance_uid: str, *, transfer_syntax_uid: str = EXPLICIT_LITTLE_ENDIAN
    ) -> None:
        """Send a C-STORE-RQ without its data set."""
        self._message_id += 1
        command = c_store_rq(sop_class_uid, sop_instance_uid, self._message_id)
        self.send_pdv(self.context_id(sop_class_uid, transfer_syntax_uid), command, control=3)

    def context_id(self, sop_class_uid: str, transfer_syntax_uid: str = EXPLICIT_LITTLE_ENDIAN) -> int:
        """The ID of an accepted context. Raises StopIteration if there is none."""
        wanted = (sop_class_uid, transfer_syntax_uid)
        return next(context_id for context_id, pair in self.contexts.items() if pair == wanted)

    def send_pdv(self, context_id: int, data: bytes | memoryview, *, control: int) -> None:
        """Send one PDV in a PDU of its own. ``control``: 1 of the command, 2 the last one."""
        head = struct.pack(">BBIIBB", _P_DATA, 0, len(data) + 6, len(data) + 2, context_id, control)
        self.sock.sendmsg([head, data]) if len(data) < 4096 else self._send_large(head, data)

    def _send_large(self, head: bytes, data: bytes | memoryview) -> None:
        self.sock.sendall(head, socket.MSG_MORE)
        self.sock.sendall(data)

    def read_status(self) -> int:
        """Read a response and return its status. Raises `Ended`."""
        kind, body = read_pdu(self.sock)
        if kind != _P_DATA:
            raise Ended
        return struct.unpack("<H", command_elements(body[6:])[_STATUS])[0]  # type: ignore[no-any-return]

    def release(self) -> None:
        """Release the association in order."""
        self.sock.sendall(struct.pack(">BBII", _RELEASE_RQ, 0, 4, 0))
        kind, _ = read_pdu(self.sock)
        self.sock.close()
        if kind != _RELEASE_RP:
            raise Ended

    def close(self) -> None:
        """Close the connection without a word; safe twice."""
        self.sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_pdu(sock: socket.socket) -> tuple[int, bytes]:
    """Read one PDU: its type and what follows its length. Raises `Ended` at the end of the stream."""
    kind, _, length = struct.unpack(">BBI", _read(sock, 6))
    return kind, _read(sock, length)


def _read(sock: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        try:
            piece = sock.recv(length - len(data))
        except ConnectionError as error:
            raise Ended from error
        if not piece:
            raise Ended
        data += piece
    return data


def associate_rq(
    contexts: Sequence[tuple[str, str]], *, calling_ae: str = "MODALITY", called_ae: str = "HILUM"
) -> bytes:
    """An A-ASSOCIATE-RQ PDU (PS3.8 9.3.2)."""
    parts = [item(0x10, _APPLICATION_CONTEXT)]
    for index, (abstract, transfer) in enumerate(contexts):
        body = struct.pack(">BBBB", 2 * index + 1, 0, 0, 0)
        parts.append(item(0x20, body + item(0x30, abstract.encode()) + item(0x40, transfer.encode())))
    user = item(0x51, struct.pack(">I", 0)) + item(0x52, b"1.2.3.4") + item(0x55, b"RAW")
    parts.append(item(0x50, user))
    titles = called_ae.encode().ljust(16) + calling_ae.encode().ljust(16)
    body = struct.pack(">HH", 1, 0) + titles + bytes(32) + b"".join(parts)
    return struct.pack(">BBI", 1, 0, len(body)) + body


def item(kind: int, body: bytes) -> bytes:
    """An item of an associate PDU (PS3.8 9.3.2)."""
    return struct.pack(">BBH", kind, 0, len(body)) + body


def _read_answer(sock: socket.socket) -> tuple[dict[int, int], int]:
    """The result of each context, and the longest PDU that the acceptor takes."""
    kind, body = read_pdu(sock)
    if kind == _REJECT:
        raise Rejected(*body[1:4])
    if kind != _ACCEPT:
        raise Ended
    results: dict[int, int] = {}
    most = 0
    for kind, value in items(body[68:]):
        if kind == 0x21:
            results[value[0]] = value[2]
        elif kind == 0x50:
            most = next((struct.unpack(">I", part)[0] for sub, part in items(value) if sub == 0x51), 0)
    return results, most


def items(data: bytes) -> Iterable[tuple[int, bytes]]:
    """The items that stand one behind the other: type and value."""
    offset = 0
    while offset + 4 <= len(data):
        kind, _, length = struct.unpack_from(">BBH", data, offset)
        yield kind, data[offset + 4 : offset + 4 + length]
        offset += 4 + length


def c_store_rq(sop_class_uid: str, sop_instance_uid: str, message_id: int) -> bytes:
    """The command set of a C-STORE request (PS3.7 9.3.1.1)."""
    elements = [
        (0x0002, padded(sop_class_uid)),
        (0x0100, struct.pack("<H", 0x0001)),
        (0x0110, struct.pack("<H", message_id & 0xFFFF)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 1)),
        (0x1000, padded(sop_instance_uid)),
    ]
    body = b"".join(struct.pack("<HHI", 0, element, len(value)) + value for element, value in elements)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def command_elements(data: bytes) -> dict[tuple[int, int], bytes]:
    """The elements of an encoded command set."""
    found: dict[tuple[int, int], bytes] = {}
    offset = 0
    while offset + 8 <= len(data):
        group, element, length = struct.unpack_from("<HHI", data, offset)
        found[group, element] = data[offset + 8 : offset + 8 + length]
        offset += 8 + length
    return found


def padded(uid: str) -> bytes:
    """A UID of even length."""
    data = uid.encode()
    return data + b"\0" * (len(data) % 2)
