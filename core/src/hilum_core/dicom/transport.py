"""What carries the bytes of an association: a plain TCP connection, or TLS over one (`hilum_core.dicom.tls`).

All waiting is done in ticks, so that a thread that waits for a peer hears when it is to stop.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
from typing import Final, Protocol

TICK_S: Final = 0.5
_TICK: Final = struct.pack("@ll", *divmod(round(TICK_S * 1_000_000), 1_000_000))
"""As a `struct timeval`."""
_TCP_INFO_BYTES_ACKED: Final = (120, "<Q")
"""Where `struct tcp_info` of Linux has `tcpi_bytes_acked`."""


class TransportBroken(OSError):  # noqa: N818 - it names what happened
    """The connection is lost to what lies over TCP; the text completes the sentence "the peer …"."""


class HandshakeFailed(TransportBroken):
    """The two sides do not come together: one has no certificate that the other accepts, say."""


class Transport(Protocol):
    """One connection to a peer, used by one thread. Any method may raise OSError: the connection is lost."""

    def open(self) -> bool:
        """Take a step to get ready, waiting a tick at most; whether it is. Comes before all others.

        Raises
        ------
        HandshakeFailed
            It will never be ready.
        """
        ...

    def receive_into(self, room: memoryview) -> int | None:
        """Wait a tick at most for bytes; how many came. 0: the peer has ended in order. None: none yet."""
        ...

    def has_bytes(self) -> bool:
        """Whether there may be something to receive without waiting."""
        ...

    def send(self, data: memoryview) -> int:
        """Send what can leave without waiting; how many bytes did.

        Raises
        ------
        BlockingIOError
            None can now. The next call must begin with the same bytes.
        """
        ...

    def wait_until_sendable(self, timeout_s: float) -> bool:
        """Wait until more can leave; whether it can."""
        ...

    def end_sending(self) -> None:
        """Tell the peer that no more comes."""
        ...

    def discard_into(self, scratch: bytearray) -> int | None:
        """As `receive_into`, for bytes that nobody looks at."""
        ...

    def close(self) -> None:
        """Close the connection as it is. Safe twice."""
        ...

    def bytes_acknowledged(self) -> int | None:
        """How many bytes the peer's TCP has acknowledged so far; None where the system does not say."""
        ...


class PlainTransport:
    """TCP, without anything over it. The socket is connected, and from now on owned by the transport."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        # The kernel keeps the ticks: with a time limit of Python's, each read would cost a poll before it.
        sock.setblocking(True)
        with contextlib.suppress(OSError):  # the peer may have gone already; reading tells
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TICK)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def open(self) -> bool:
        """See `Transport`: TCP is ready once it is connected."""
        return True

    def receive_into(self, room: memoryview) -> int | None:
        """See `Transport`."""
        try:
            count = self._sock.recv_into(room)
        except BlockingIOError:  # a tick without a word
            return None
        # A sender that has Nagle's algorithm on waits for our acknowledgement before it sends
        # the rest of a message: 40 to 90 ms per object. The option lasts for one read only.
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return count

    def has_bytes(self) -> bool:
        """See `Transport`."""
        return self._is_ready(select.POLLIN, 0)

    def send(self, data: memoryview) -> int:
        """See `Transport`."""
        return self._sock.send(data, socket.MSG_DONTWAIT)

    def wait_until_sendable(self, timeout_s: float) -> bool:
        """See `Transport`."""
        return self._is_ready(select.POLLOUT, timeout_s)

    def _is_ready(self, event: int, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(self._sock, event)
        return bool(poll.poll(timeout_s * 1000))

    def end_sending(self) -> None:
        """See `Transport`."""
        self._sock.shutdown(socket.SHUT_WR)

    def discard_into(self, scratch: bytearray) -> int | None:
        """See `Transport`."""
        try:
            return self._sock.recv_into(scratch)
        except BlockingIOError:
            return None

    def close(self) -> None:
        """See `Transport`."""
        self._sock.close()

    def bytes_acknowledged(self) -> int | None:
        """See `Transport`."""
        offset, layout = _TCP_INFO_BYTES_ACKED
        try:
            info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            return int(struct.unpack_from(layout, info, offset)[0])
        except (AttributeError, OSError, struct.error):
            return None
