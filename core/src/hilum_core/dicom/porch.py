"""The porch: connections that have not said yet who calls, and those that have been turned away.

Anybody on the network can connect and say nothing, or a byte a second. Here that costs a descriptor and a
few hundred bytes: no thread and no buffer, and one system call watches them all. Who says in its first
bytes who it is, goes on; the porch does not judge what they say. One thread uses it.

It is bounded. Of one address so many wait, and beyond that its own newer ones take the places of its
older ones. Of all addresses together so many wait; then who has waited for a moment gives way, of the
address that has the most. So whoever speaks when it has connected, as every modality does, gets through.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from typing import Final

import attrs

from hilum_core.dicom.negotiation import HEAD_BYTES
from hilum_core.dicom.pdu import A_ASSOCIATE_RQ, PDU_HEADER

_MOST: Final = 256
_MOST_OF_ONE_ADDRESS: Final = 64
_MOST_LEAVING: Final = 128
_LEAST_S: Final = 1.0
"""So long a visitor has in any case to speak, unless others of its address crowd it out."""
_LEAST_BYTES: Final = HEAD_BYTES - PDU_HEADER.size
_MOST_BYTES: Final = 256 * 1024
"""The length of an A-ASSOCIATE-RQ; what announces more or less is none."""
_DROPPED_AT_ONCE: Final = 0x10000
_ENDS: Final = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR


@attrs.define(eq=False)
class Visitor:
    """A connection without a thread. ``head`` are its first bytes, at most `HEAD_BYTES`, which stay unread.

    ``is_by_tls``: what it says is enciphered, so that its first byte is all that the porch waits for.
    """

    sock: socket.socket
    address: str
    is_by_tls: bool = False
    connected_at: float = attrs.field(factory=time.monotonic)
    head: bytes = b""
    has_gone: bool = False

    @property
    def says_who_calls(self) -> bool:
        """Whether it has sent the begin of an A-ASSOCIATE-RQ, as far as that names the two."""
        return not self.is_by_tls and len(self.head) == HEAD_BYTES and not self._is_something_else

    @property
    def has_spoken(self) -> bool:
        """Whether it has said who calls, or something else that calls for an answer."""
        if self.is_by_tls:
            return bool(self.head)
        return len(self.head) == HEAD_BYTES or self._is_something_else

    @property
    def _is_something_else(self) -> bool:
        if len(self.head) < PDU_HEADER.size:
            return bool(self.head) and self.head[0] != A_ASSOCIATE_RQ
        pdu_type, length = PDU_HEADER.unpack_from(self.head)
        return pdu_type != A_ASSOCIATE_RQ or not _LEAST_BYTES <= length <= _MOST_BYTES

    def hear(self, events: int) -> None:
        """Look at what has come, and note when no more will."""
        with contextlib.suppress(OSError):
            self.head = self.sock.recv(HEAD_BYTES, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        self.has_gone = bool(events & _ENDS) and not self.has_spoken

    def hang_up(self) -> None:
        """Close the connection; what is unread would have it reset."""
        with contextlib.suppress(OSError):
            self.sock.recv(_DROPPED_AT_ONCE, socket.MSG_DONTWAIT)
        self.sock.close()


class Porch:
    """Visitors that wait, and visitors that were turned away and are to close the connection.

    Parameters
    ----------
    artim_s
        How long either may take (PS3.8 9.1.5).
    """

    def __init__(
        self, artim_s: float, *, most: int = _MOST, most_of_one_address: int = _MOST_OF_ONE_ADDRESS
    ) -> None:
        self._artim_s = artim_s
        self._most = most
        self._most_of_one_address = most_of_one_address
        self._poll = select.epoll()
        self._waiting: dict[int, Visitor] = {}
        self._of_address: dict[str, dict[int, Visitor]] = {}
        self._leaving: dict[int, tuple[socket.socket, float]] = {}

    def fileno(self) -> int:
        """Becomes readable when somebody has spoken."""
        return self._poll.fileno()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, visitor: Visitor) -> Visitor | None:
        """Let a visitor wait; the one of the same address that leaves for it, where there are many."""
        gives_way = None
        of_address = self._of_address.get(visitor.address, {})
        if len(of_address) >= self._most_of_one_address:
            gives_way = self._take_out(next(iter(of_address.values())))
        number = visitor.sock.fileno()
        self._waiting[number] = self._of_address.setdefault(visitor.address, {})[number] = visitor
        # What it says stays unread, so it must not be told again and again (EPOLLET).
        self._poll.register(number, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
        return gives_way

    @property
    def is_full(self) -> bool:
        """Whether room must be made before another enters."""
        return len(self._waiting) >= self._most

    def make_room(self, *, at_once: bool = False) -> Visitor | None:
        """Have the visitor leave that gives way to another; None if nobody has waited for long enough.

        `at_once` does not ask how long: for when the process has no descriptor left.
        """
        if not self._waiting:
            return None
        oldest = next(iter(max(self._of_address.values(), key=len).values()))
        if not at_once and oldest.connected_at > time.monotonic() - _LEAST_S:
            return None
        return self._take_out(oldest)

    def end_leaving(self) -> None:
        """Close the connections of those that were turned away, at once."""
        for number in list(self._leaving):
            self._close_leaving(number)

    def hear(self) -> list[Visitor]:
        """Hear who has something to say, without waiting; those that have spoken or gone have left."""
        done = []
        for number, events in self._poll.poll(0):
            visitor = self._waiting.get(number)
            if visitor is None:
                self._hear_leaving(number)
                continue
            visitor.hear(events)
            if visitor.has_spoken or visitor.has_gone:
                done.append(self._take_out(visitor))
        return done

    def late(self) -> list[Visitor]:
        """Those that have not spoken within ARTIM; they have left. Ends who was turned away and stays."""
        now = time.monotonic()
        for number, (_, deadline) in list(self._leaving.items()):
            if deadline > now:
                break  # they stand in the order of their deadlines
            self._close_leaving(number)
        latest = now - self._artim_s
        late = [visitor for visitor in self._waiting.values() if visitor.connected_at <= latest]
        return [self._take_out(visitor) for visitor in late]

    def turn_away(self, visitor: Visitor, answer: bytes) -> None:
        """Send a last PDU to one that has left, and wait for it to close the connection.

        Closing at once, with bytes of the peer unread, resets the connection, and the peer may never see
        the answer (see `PduChannel.finish`).
        """
        number = visitor.sock.fileno()
        try:
            visitor.sock.send(answer, socket.MSG_DONTWAIT)  # its buffer is empty: this is all we ever send
            visitor.sock.shutdown(socket.SHUT_WR)
        except OSError:
            visitor.sock.close()
            return
        if len(self._leaving) >= _MOST_LEAVING:
            self._close_leaving(next(iter(self._leaving)))
        self._leaving[number] = (visitor.sock, time.monotonic() + self._artim_s)
        self._poll.register(number, select.EPOLLIN)

    def send_home(self) -> None:
        """Close all connections."""
        for visitor in list(self._waiting.values()):
            self._take_out(visitor).hang_up()
        self.end_leaving()

    def _take_out(self, visitor: Visitor) -> Visitor:
        number = visitor.sock.fileno()
        self._poll.unregister(number)
        del self._waiting[number]
        of_address = self._of_address[visitor.address]
        del of_address[number]
        if not of_address:
            del self._of_address[visitor.address]
        return visitor

    def _hear_leaving(self, number: int) -> None:
        sock, _ = self._leaving[number]
        try:
            has_gone = not sock.recv(_DROPPED_AT_ONCE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            has_gone = True
        if has_gone:
            self._close_leaving(number)

    def _close_leaving(self, number: int) -> None:
        sock, _ = self._leaving.pop(number)
        self._poll.unregister(number)
        sock.close()
