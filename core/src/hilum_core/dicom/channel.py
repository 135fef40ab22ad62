"""A connection to a peer: PDUs in, bytes out, and an orderly end. Shared by both directions.

All waiting is done in ticks, so that a thread that waits for a peer hears when it is to stop.
"""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Final

from hilum_core.dicom.pdu import NOT_SPECIFIED, SERVICE_USER, WholePdu, encode_abort
from hilum_core.dicom.stream import PduStream, Piece
from hilum_core.log import describe_exception

TICK_S: Final = 0.5
_TICK: Final = struct.pack("@ll", *divmod(round(TICK_S * 1_000_000), 1_000_000))
"""As a `struct timeval`."""
_TCP_INFO_BYTES_ACKED: Final = (120, "<Q")
"""Where `struct tcp_info` of Linux has `tcpi_bytes_acked`."""


class ConnectionEnded(Exception):  # noqa: N818 - it names what happened, which need not be an error
    """The connection is gone, without a word of the protocol. The text says how."""


class PeerSilent(Exception):  # noqa: N818 - as above
    """The peer did not send what was waited for, or did not take what we sent, in time."""


class Cancelled(Exception):  # noqa: N818 - as above
    """We are to stop, and nothing was under way."""


class PduChannel:
    """One TCP connection.

    Parameters
    ----------
    sock
        Connected; from now on owned by the channel.
    stream
        Takes the incoming bytes apart.
    send_timeout_s
        How long a peer may take nothing of what we send.
    """

    def __init__(self, sock: socket.socket, stream: PduStream, *, send_timeout_s: float) -> None:
        self.stream = stream
        self._sock = sock
        self._send_timeout_s = send_timeout_s
        self._is_within_pdu = False
        # The kernel keeps the ticks: with a time limit of Python's, each read would cost a poll before it.
        sock.setblocking(True)
        with contextlib.suppress(OSError):  # the peer may have gone already; reading tells
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TICK)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def next_event(
        self, timeout_s: float, *, cancelled: Callable[[], bool] | None = None
    ) -> Piece | WholePdu:
        """Wait for the next piece of a message, or the next other PDU.

        Raises
        ------
        ProtocolError
            The peer sent something else.
        PeerSilent, Cancelled, ConnectionEnded
            As `receive`.
        """
        event = self.stream.next_event()
        if event is None:
            deadline = time.monotonic() + timeout_s
            while event is None:
                self.receive(deadline, cancelled=cancelled)
                event = self.stream.next_event()
        return event

    def receive(self, deadline: float, *, cancelled: Callable[[], bool] | None = None) -> None:
        """Wait for bytes, whatever they are, until a time of the monotonic clock.

        Raises
        ------
        PeerSilent
            None came.
        Cancelled
            None came, and `cancelled` says that we need not wait.
        ConnectionEnded
            The peer closed the connection, or it broke.
        """
        room = self.stream.room()
        while True:
            try:
                count = self._sock.recv_into(room)
                # A sender that has Nagle's algorithm on waits for our acknowledgement before it sends
                # the rest of a message: 40 to 90 ms per object. The option lasts for one read only.
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                break
            except OSError as error:
                _raise_unless_tick(error)
                if cancelled and cancelled():
                    raise Cancelled from None
                if time.monotonic() >= deadline:
                    raise PeerSilent("sent nothing in time") from None
        if not count:
            raise ConnectionEnded("closed the connection")
        self.stream.received(count)

    def send(self, data: bytes | memoryview, *, each_step: Callable[[], object] | None = None) -> None:
        """Send all of it; whole PDUs. `each_step` is called after every part, and every tick.

        Raises
        ------
        PeerSilent
            The peer took nothing for the time allowed.
        ConnectionEnded
            The connection broke; what of it arrived is unknown.
        """
        rest = memoryview(data)
        deadline = time.monotonic() + self._send_timeout_s
        self._is_within_pdu = True
        while rest:
            try:
                rest = rest[self._sock.send(rest, socket.MSG_DONTWAIT) :]
                deadline = time.monotonic() + self._send_timeout_s
            except OSError as error:
                _raise_unless_tick(error)
                if not self._is_ready(select.POLLOUT, TICK_S) and time.monotonic() >= deadline:
                    raise PeerSilent("took nothing in time") from None
            if each_step:
                each_step()
        self._is_within_pdu = False

    def hear(self) -> Piece | WholePdu | None:
        """Look without waiting whether the peer has said anything meanwhile.

        Raises
        ------
        ProtocolError
            It has, and not by the protocol.
        ConnectionEnded
            It has closed the connection.
        """
        with contextlib.suppress(Cancelled):
            if self.stream.pending or self._is_ready(select.POLLIN, 0):
                return self.next_event(0, cancelled=lambda: True)
        return None

    def _is_ready(self, event: int, timeout_s: float) -> bool:
        poll = select.poll()
        poll.register(self._sock, event)
        return bool(poll.poll(timeout_s * 1000))

    def abort(self, source: int = SERVICE_USER, reason: int = NOT_SPECIFIED) -> None:
        """Send an A-ABORT, as far as the connection lets us without waiting.

        Not in the middle of a PDU: there its bytes would be taken for those of the data set.
        """
        if not self._is_within_pdu:
            with contextlib.suppress(OSError):
                self._sock.send(encode_abort(source, reason), socket.MSG_DONTWAIT)

    def finish(self, artim_s: float, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Let the peer close the connection after our last PDU, within the time of ARTIM (PS3.8 9.1.4).

        Closing at once, with bytes of the peer unread, resets the connection, and the peer may never
        see our last PDU. Does nothing if the connection is closed already.
        """
        deadline = time.monotonic() + artim_s
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            scratch = bytearray(0x10000)
            while time.monotonic() < deadline:
                try:
                    if not self._sock.recv_into(scratch):
                        break
                except BlockingIOError:  # a tick without a word
                    if cancelled():
                        break
        self.close()

    def close(self) -> None:
        """Close the connection as it is. Safe twice."""
        self._sock.close()

    def bytes_acknowledged(self) -> int | None:
        """How many bytes the peer's TCP has acknowledged so far; None where the system does not say."""
        offset, layout = _TCP_INFO_BYTES_ACKED
        try:
            info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
            return int(struct.unpack_from(layout, info, offset)[0])
        except (AttributeError, OSError, struct.error):
            return None


class Flow:
    """Tells whenever the peer has taken more of what we sent; to be called every tick.

    What the system has taken for us says little: its buffers hold megabytes.
    """

    def __init__(self, channel: PduChannel, tell: Callable[[], None]) -> None:
        self._channel = channel
        self._tell = tell
        self._taken = channel.bytes_acknowledged()

    def __call__(self) -> bool:
        """Look; always False, so that it can stand where a tick asks whether to stop."""
        before, self._taken = self._taken, self._channel.bytes_acknowledged()
        if self._taken != before:
            self._tell()
        return False


def _raise_unless_tick(error: OSError) -> None:
    if not isinstance(error, BlockingIOError):
        raise ConnectionEnded(_in_words(error)) from error


def _in_words(error: OSError) -> str:
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset the connection"
    if error.errno == errno.ETIMEDOUT:
        return "does not answer any more"
    return f"lost the connection: {describe_exception(error)}"
