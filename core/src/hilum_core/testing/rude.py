"""`RudeArchive`: a C-STORE acceptor on bare sockets that goes wrong exactly where a test wants it to.

It shares no code with the router's own wire. Each connection is driven by a *script*, a function of its
`Call`; the scripts of `plan` are used up one by one, and then `usual` serves all that follow.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Self

import attrs

from hilum_core.testing.raw import Ended, command_elements, item, items, padded, read_pdu

Script = Callable[["Call"], None]
Accepts = Callable[[str, str], bool]
"""Whether a context is accepted, by its SOP class and transfer syntax."""

C_STORE_RSP, C_ECHO_RSP = 0x8001, 0x8030
_REQUEST, _ACCEPT, _REJECT, _P_DATA, _RELEASE_RQ, _RELEASE_RP, _ABORT = 1, 2, 3, 4, 5, 6, 7
_NOT_ACCEPTED = 3  # abstract syntax not supported (PS3.8 Table 9-18)
_SMALL_WINDOW = 4096


def everything(_sop_class_uid: str, _transfer_syntax_uid: str) -> bool:
    """Accept every context."""
    return True


@attrs.frozen(kw_only=True)
class Message:
    """A C-STORE or C-ECHO request, read to its end."""

    context_id: int
    field: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    data_set: bytes = attrs.field(repr=False)


class Call:
    """One connection, in the hand of its script."""

    def __init__(self, archive: RudeArchive, sock: socket.socket) -> None:
        self.archive = archive
        self.sock = sock
        self.proposed: dict[int, tuple[str, str]] = {}
        self._titles = b""

    # ---- the association

    def read_request(self) -> None:
        """Read the A-ASSOCIATE-RQ; `proposed` are the contexts by ID."""
        kind, body = read_pdu(self.sock)
        if kind != _REQUEST:
            raise Ended
        self._titles = body[4:36]
        for kind, context in items(body[68:]):
            if kind == 0x20:
                parts = {kind: uid.decode() for kind, uid in items(context[4:])}
                self.proposed[context[0]] = (parts[0x30], parts[0x40])

    def accept(self, accepts: Accepts = everything, *, most_pdu_bytes: int = 16384) -> None:
        """Read the request and answer with an A-ASSOCIATE-AC (PS3.8 9.3.3)."""
        self.read_request()
        parts = [item(0x10, b"1.2.840.10008.3.1.1.1")]
        for context_id, (sop_class_uid, syntax) in self.proposed.items():
            result = 0 if accepts(sop_class_uid, syntax) else _NOT_ACCEPTED
            parts.append(item(0x21, bytes((context_id, 0, result, 0)) + item(0x40, syntax.encode())))
        parts.append(item(0x50, item(0x51, struct.pack(">I", most_pdu_bytes)) + item(0x52, b"1.2.3.4")))
        self.send(_ACCEPT, struct.pack(">HH", 1, 0) + self._titles + bytes(32) + b"".join(parts))

    def reject(self, result: int, source: int, reason: int) -> None:
        """Read the request and answer with an A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""
        self.read_request()
        self.send(_REJECT, bytes((0, result, source, reason)))

    # ---- messages

    def next_message(self) -> Message | None:
        """The next request, whole; None when the requestor asks to release."""
        command, data_set = b"", b""
        while True:
            kind, body = read_pdu(self.sock)
            if kind == _RELEASE_RQ:
                return None
            if kind != _P_DATA:
                raise Ended
            for context_id, control, fragment in _pdvs(body):
                if control & 1:
                    command += fragment
                else:
                    data_set += fragment
                if control & 2 and (not control & 1 or _has_no_data_set(command)):
                    return _message(context_id, command, data_set)

    def answer(
        self,
        message: Message,
        status: int | bytes = 0,
        *,
        field: int | None = None,
        message_id: int | None = None,
        sop_instance_uid: str | None = None,
    ) -> None:
        """Answer a request, as it should be or with something else in it. ``status``: its bytes, if odd."""
        status_bytes = status if isinstance(status, bytes) else struct.pack("<H", status)
        named = message.sop_instance_uid if sop_instance_uid is None else sop_instance_uid
        elements = [
            (0x0002, padded(message.sop_class_uid)),
            (0x0100, struct.pack("<H", message.field | 0x8000 if field is None else field)),
            (0x0120, struct.pack("<H", message.message_id if message_id is None else message_id)),
            (0x0800, struct.pack("<H", 0x0101)),
            (0x0900, status_bytes),
            (0x1000, padded(named)),
        ]
        body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in elements if value)
        command = struct.pack("<HHII", 0, 0, 4, len(body)) + body
        pdv = struct.pack(">IBB", len(command) + 2, message.context_id, 3) + command
        self.send(_P_DATA, pdv)

    def take(self, message: Message, status: int = 0) -> None:
        """Keep an object for good and answer so."""
        self.archive.taken.append(message)
        self.answer(message, status)

    def serve(self, take: Callable[[Call, Message], None] | None = None) -> None:
        """Answer all that comes until it is released; ``take`` does so for objects."""
        while (message := self.next_message()) is not None:
            if not message.sop_instance_uid:
                self.answer(message)
            else:
                (take or Call.take)(self, message)
        self.send(_RELEASE_RP, bytes(4))

    def send(self, kind: int, body: bytes) -> None:
        """Send one PDU."""
        self.sock.sendall(struct.pack(">BBI", kind, 0, len(body)) + body)

    # ---- ends

    def hang(self) -> None:
        """Do nothing more, and keep the connection, until the archive is stopped."""
        self.archive.count(-1)
        self.archive.stopping.wait()
        self.archive.count(1)

    def abort(self) -> None:
        """Send an A-ABORT and close."""
        self.send(_ABORT, bytes(4))
        self.close()

    def close(self) -> None:
        """Close without a word."""
        with contextlib.suppress(OSError):  # it is gone already
            self.sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Reset the connection (TCP RST)."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def serve_all(call: Call) -> None:
    """Be an archive as it should be."""
    call.accept()
    call.serve()


class RudeArchive:
    """Listens on a port of its own, one thread for each connection.

    Attributes
    ----------
    plan
        Scripts for the next connections; a test may add more while it runs.
    usual
        The script of a connection for which there is no plan.
    taken
        Every object that was answered with success or a warning, in order: what the archive has.
    calls
        How many connections there were.
    busy
        How many there are, without those that hang.
    """

    def __init__(
        self, ae_title: str = "RUDE", *, host: str = "127.0.0.1", small_window: bool = False
    ) -> None:
        self.ae_title = ae_title
        self.plan: deque[Script] = deque()
        self.usual: Script = serve_all
        self.taken: list[Message] = []
        self.calls = self.busy = 0
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self.host = host
        self._listening = socket.create_server(
            (host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
        if small_window:
            self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_WINDOW)
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):  # ends the accept of the thread
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def peer_toml(self, name: str, host: str | None = None) -> str:
        """The archive as a peer of a router's config."""
        where = host or self.host
        return f'[peers.{name}]\nae_title = "{self.ae_title}"\nhost = "{where}"\nport = {self.port}\n'

    def data_sets(self) -> dict[str, bytes]:
        """What the archive has, by SOP Instance UID."""
        return {message.sop_instance_uid: message.data_set for message in self.taken}

    def count(self, number: int) -> None:
        """Count connections that are served."""
        with self._lock:
            self.busy += number

    def _listen(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listening.accept()
            except OSError:
                return
            self.calls += 1
            self.count(1)
            script = self.plan.popleft() if self.plan else self.usual
            threading.Thread(target=self._run, args=(script, sock), daemon=True).start()

    def _run(self, script: Script, sock: socket.socket) -> None:
        with sock, contextlib.suppress(Ended, OSError):  # the requestor has had enough
            script(Call(self, sock))
        self.count(-1)


def _pdvs(body: bytes) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    while offset < len(body):
        length, context_id, control = struct.unpack_from(">IBB", body, offset)
        yield context_id, control, body[offset + 6 : offset + 4 + length]
        offset += 4 + length


def _has_no_data_set(command: bytes) -> bool:
    return command_elements(command)[0, 0x0800] == struct.pack("<H", 0x0101)


def _message(context_id: int, command: bytes, data_set: bytes) -> Message:
    elements = command_elements(command)

    def number(tag: int) -> int:
        return int.from_bytes(elements[0, tag], "little")

    def uid(tag: int) -> str:
        return elements.get((0, tag), b"").rstrip(b"\0").decode()

    return Message(
        context_id=context_id,
        field=number(0x0100),
        message_id=number(0x0110),
        sop_class_uid=uid(0x0002),
        sop_instance_uid=uid(0x1000),
        data_set=data_set,
    )
