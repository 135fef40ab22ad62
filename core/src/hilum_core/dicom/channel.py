"""A connection to a peer: PDUs in, bytes out, and an orderly end. Shared by both directions.

All waiting is done in ticks, so that a thread that waits for a peer hears when it is to stop.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable

from hilum_core.dicom.pdu import NOT_SPECIFIED, SERVICE_USER, WholePdu, encode_abort
from hilum_core.dicom.stream import PduStream, Piece
from hilum_core.dicom.transport import TICK_S, HandshakeFailed, Transport, TransportBroken
from hilum_core.log import describe_exception


class ConnectionEnded(Exception):  # noqa: N818 - it names what happened, which need not be an error
    """The connection is gone, without a word of the protocol. The text says how."""


class PeerSilent(Exception):  # noqa: N818 - as above
    """The peer did not send what was waited for, or did not take what we sent, in time."""


class Cancelled(Exception):  # noqa: N818 - as above
    """We are to stop, and nothing was under way."""


class PduChannel:
    """One connection, for PDUs.

    Parameters
    ----------
    transport
        Connected; from now on owned by the channel.
    stream
        Takes the incoming bytes apart.
    send_timeout_s
        How long a peer may take nothing of what we send.
    """

    def __init__(self, transport: Transport, stream: PduStream, *, send_timeout_s: float) -> None:
        self.stream = stream
        self._transport = transport
        self._send_timeout_s = send_timeout_s
        self._is_within_pdu = False

    def open(self, deadline: float, *, cancelled: Callable[[], bool] | None = None) -> None:
        """Get the transport ready, by a time of the monotonic clock. Comes before all else.

        Raises
        ------
        HandshakeFailed
            There is no TLS with this peer; the text completes the sentence "the peer …".
        PeerSilent, Cancelled, ConnectionEnded
            As `receive`.
        """
        try:
            while not self._transport.open():
                if cancelled and cancelled():
                    raise Cancelled
                if time.monotonic() >= deadline:
                    raise PeerSilent("did not finish the TLS handshake in time")
        except HandshakeFailed:
            raise
        except OSError as error:
            raise ConnectionEnded(_in_words(error)) from error

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

        What is there already is taken after that time, too: we may have been busy ourselves.

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
        count = None
        try:
            while count is None:
                # Before each read: a peer that sends a byte now and then lets no tick pass without one.
                is_late = time.monotonic() >= deadline
                if not is_late or self._transport.has_bytes():
                    count = self._transport.receive_into(room)
                if count is None and cancelled and cancelled():
                    raise Cancelled
                if count is None and is_late:
                    raise PeerSilent("sent too little in time")
        except OSError as error:
            raise ConnectionEnded(_in_words(error)) from error
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
                rest = rest[self._transport.send(rest) :]
                deadline = time.monotonic() + self._send_timeout_s
            except BlockingIOError:
                if not self._transport.wait_until_sendable(TICK_S) and time.monotonic() >= deadline:
                    raise PeerSilent("took nothing in time") from None
            except OSError as error:
                raise ConnectionEnded(_in_words(error)) from error
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
            if self.stream.pending or self._transport.has_bytes():
                return self.next_event(0, cancelled=lambda: True)
        return None

    def abort(self, source: int = SERVICE_USER, reason: int = NOT_SPECIFIED) -> None:
        """Send an A-ABORT, as far as the connection lets us without waiting.

        Not in the middle of a PDU: there its bytes would be taken for those of the data set.
        """
        if not self._is_within_pdu:
            with contextlib.suppress(OSError):
                self._transport.send(memoryview(encode_abort(source, reason)))

    def finish(self, artim_s: float, *, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Let the peer close the connection after our last PDU, within the time of ARTIM (PS3.8 9.1.4).

        Closing at once, with bytes of the peer unread, resets the connection, and the peer may never
        see our last PDU. Does nothing if the connection is closed already.
        """
        deadline = time.monotonic() + artim_s
        with contextlib.suppress(OSError):
            self._transport.end_sending()
            scratch = bytearray(0x10000)
            while time.monotonic() < deadline:
                count = self._transport.discard_into(scratch)
                if count == 0 or (count is None and cancelled()):
                    break
        self.close()

    def close(self) -> None:
        """Close the connection as it is. Safe twice."""
        self._transport.close()

    def bytes_acknowledged(self) -> int | None:
        """How many bytes the peer's TCP has acknowledged so far; None where the system does not say."""
        return self._transport.bytes_acknowledged()


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


def _in_words(error: OSError) -> str:
    """Complete the sentence "the peer …" for a connection that has broken."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "reset the connection"
    if isinstance(error, TransportBroken):
        return str(error)
    if error.errno == errno.ETIMEDOUT:
        return "does not answer any more"
    return f"lost the connection: {describe_exception(error)}"
