"""Messages between a coordinator and one of its workers: JSON objects over a pair of sockets.

JSON, because a worker runs code of strangers: nothing that it can send makes the coordinator do more
than read a record. One message is a 4-byte big-endian length and the text. Open files may go along
(SCM_RIGHTS): images never do.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct(">I")
_READ_BYTES = 1 << 16
_LONGEST_BYTES = 16 << 20
_MOST_FILES = 64

Message = dict[str, Any]


class PipeClosed(Exception):  # noqa: N818 - an end that every reader expects, not a fault
    """The other side is gone."""


class Pipe:
    """One end. Not for use by two threads at once.

    An end that does not take files never sees those that the other side sends: the kernel closes them.
    """

    def __init__(self, sock: socket.socket, *, takes_files: bool = False) -> None:
        self._sock = sock
        self._takes_files = takes_files
        self._partial = bytearray()
        self._read: deque[Message] = deque()
        self._files: deque[int] = deque()
        self._makes_no_sense = False
        self._outbox: list[bytes] = []

    def fileno(self) -> int:
        """For `select`."""
        return self._sock.fileno()

    def post(self, message: Message) -> None:
        """Put a message behind those that the next `flush` sends in one call."""
        text = json.dumps(message, separators=(",", ":")).encode()
        self._outbox.append(_LENGTH.pack(len(text)) + text)  # whole, wherever a time limit interrupts us

    def flush(self) -> None:
        """Send what was posted.

        Raises
        ------
        PipeClosed
            The other side is gone.
        """
        if not self._outbox:
            return
        data = b"".join(self._outbox)
        self._outbox.clear()
        try:
            self._sock.sendall(data)
        except OSError as error:
            raise PipeClosed from error

    def send(self, message: Message, files: Sequence[int] = ()) -> None:
        """Post and flush; `files` go along, at most 64. Raises as `flush` does."""
        self.post(message)
        if files:
            # They come with the first byte of what is flushed: before it all, for who reads in order.
            first = self._outbox[0]
            try:
                sent = socket.send_fds(self._sock, [first], files)
            except OSError as error:
                self._outbox.clear()
                raise PipeClosed from error
            self._outbox[0] = first[sent:]
        self.flush()

    def receive(self, timeout_s: float | None) -> Message | None:
        """The next message; None when none came in time. `timeout_s` None waits for ever.

        Raises
        ------
        PipeClosed
            The other side is gone and everything that it had sent was received.
        """
        while not self._read:
            if not select.select([self._sock], [], [], timeout_s)[0]:
                return None
            self._fill()
        return self._read.popleft()

    def receive_all(self) -> list[Message]:
        """All messages that are there now, reading the socket once; call it when `select` says so."""
        if not self._read:
            self._fill()
        messages = list(self._read)
        self._read.clear()
        return messages

    def take_no_more(self) -> None:
        """Have what was sent by now be all: behind it is the end, whoever still holds the other side."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RD)

    def take_files(self, count: int) -> list[int]:
        """The next files that came, for the message that says how many; the caller closes them.

        Raises
        ------
        PipeClosed
            There are not so many: whoever sent that message cannot be trusted to go on.
        """
        if not 0 <= count <= len(self._files):
            raise PipeClosed
        return [self._files.popleft() for _ in range(count)]

    def _fill(self) -> None:
        if self._makes_no_sense:
            raise PipeClosed
        try:
            data = self._received()
        except OSError as error:
            raise PipeClosed from error
        if not data or len(self._files) > _MOST_FILES:
            raise PipeClosed
        self._partial += data
        try:
            self._decode_partial()
        except (ValueError, RecursionError):
            # Whoever sent it cannot be trusted to go on. What made sense before counts.
            self._makes_no_sense = True
            self.take_no_more()  # so that `select` says that there is an end to read
            if not self._read:
                raise PipeClosed from None

    def _decode_partial(self) -> None:
        start = 0
        while len(self._partial) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._partial, start)
            if length > _LONGEST_BYTES:
                raise ValueError("longer than any message")
            end = start + _LENGTH.size + length
            if len(self._partial) < end:
                break
            message = json.loads(self._partial[start + _LENGTH.size : end])
            if not isinstance(message, dict):
                raise ValueError("no message")  # noqa: TRY004 - of what was sent, not of our making
            self._read.append(message)
            start = end
        del self._partial[:start]

    def _received(self) -> bytes:
        if not self._takes_files:
            return self._sock.recv(_READ_BYTES)
        data, files, _, _ = socket.recv_fds(self._sock, _READ_BYTES, _MOST_FILES, socket.MSG_CMSG_CLOEXEC)
        self._files.extend(files)
        return data

    def close(self) -> None:
        """Let go; the other side reads its end."""
        while self._files:
            os.close(self._files.popleft())
        self._sock.close()


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """Two connected sockets: one to keep, one to hand to a child (make it inheritable)."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
