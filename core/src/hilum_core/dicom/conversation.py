"""A requestor's side of an open association: one message, its answer, and every way it can end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn

from hilum_core.dicom import command as dimse
from hilum_core.dicom import pdu
from hilum_core.dicom.calls import AssociationLost, RequestorSettings
from hilum_core.dicom.channel import ConnectionEnded, Flow, PduChannel, PeerSilent
from hilum_core.dicom.command import Command, decode_command
from hilum_core.dicom.opening import MOST_ANSWER_BYTES
from hilum_core.dicom.pdu import ProtocolError, WholePdu
from hilum_core.dicom.stream import Piece

_ABORT_LINGER_S: Final = 1.0


class Conversation:
    """Sends messages and waits for their answers, one at a time.

    Everything is sent and received within `exchange`, which turns whatever goes wrong into an
    `AssociationLost` and leaves the association closed.
    """

    def __init__(self, channel: PduChannel, peer_max_pdu_bytes: int, settings: RequestorSettings) -> None:
        self.is_usable = True
        self.channel = channel
        self._peer_max_pdu_bytes = peer_max_pdu_bytes
        self._settings = settings
        self._last_message_id = 0

    def next_message_id(self) -> int:
        """A number for a message, unlike that of the one before."""
        self._last_message_id = self._last_message_id % 0xFFFF + 1
        return self._last_message_id

    def command_pdus(self, context_id: int, command: bytes) -> bytes:
        """Lay out a command set for this peer."""
        return pdu.p_data(context_id, pdu.COMMAND, command, self._peer_max_pdu_bytes)

    def send(self, context_id: int, command: bytes, data_set: bytes | None = None) -> None:
        """Send a message that fits in memory."""
        pdus = self.command_pdus(context_id, command)
        if data_set is not None:
            pdus += pdu.p_data(context_id, 0, data_set, self._peer_max_pdu_bytes)
        self.channel.send(pdus)

    def response(
        self,
        message_id: int,
        *,
        to: int,
        context_id: int | None = None,
        extra_s: float = 0.0,
        alive: Callable[[], None] | None = None,
    ) -> tuple[Command, bytes]:
        """Wait for the response to a message, and its data set if it has one.

        The time allowed begins anew as long as the peer's machine takes more of what we sent: on a slow
        line the buffers of the system still hold megabytes when all is sent.

        Parameters
        ----------
        to
            The command field of the request.
        context_id
            The presentation context that the answer must come in, as what it carries is read by that; where
            None, any is taken: a status is a status.
        extra_s
            More time than for a small message.
        alive
            Called every tick: while we wait for a peer, within a time of our own, nobody hangs.
        """
        wait = _Wait(self.channel, self._settings.response_timeout_s + extra_s, alive)
        command = decode_command(self._part(wait, context_id, is_command=True))
        if command.field != to | dimse.RESPONSE or command.message_id != message_id:
            raise ProtocolError(
                f"sent a message (command field {command.field:04X}H) that answers nothing",
                source=pdu.SERVICE_USER,
            )
        return command, self._part(wait, context_id, is_command=False) if command.has_data_set else b""

    def _part(self, wait: _Wait, context_id: int | None, *, is_command: bool) -> bytes:
        """Read a whole command set or data set."""
        collected = bytearray()
        while True:
            event = self._next_event(wait)
            if isinstance(event, WholePdu):
                if event.type == pdu.A_ABORT:
                    raise ConnectionEnded(_ended_by(event))
                raise ProtocolError(f"sent an {event.name}", reason=pdu.UNEXPECTED_PDU)
            if event.is_command != is_command:
                raise ProtocolError("mixed up command set and data set", source=pdu.SERVICE_USER)
            if context_id not in {None, event.context_id}:
                raise ProtocolError("answered in another presentation context", source=pdu.SERVICE_USER)
            collected += event.payload
            if len(collected) > (dimse.MOST_COMMAND_BYTES if is_command else MOST_ANSWER_BYTES):
                raise ProtocolError("sent an answer of too many bytes", source=pdu.SERVICE_USER)
            if event.is_last:
                return bytes(collected)

    def _next_event(self, wait: _Wait) -> Piece | WholePdu:
        while True:
            try:
                return self.channel.next_event(wait.left_s, cancelled=wait.tick)
            except PeerSilent:
                if wait.left_s <= 0:
                    raise

    @contextmanager
    def exchange(self, when: str, *, begins: bool = True) -> Iterator[None]:
        """Stand around all that is sent and received for one message.

        Parameters
        ----------
        when
            Completes the sentence "the peer reset the connection …".
        begins
            Whether a message begins here, so that nothing may have come before.

        Raises
        ------
        AssociationLost
            The association has ended. Any other exception of the block passes through, and the
            association is aborted, because nobody knows how far the message got.
        """
        acknowledged = None
        if begins:
            self._look_whether_alive()
            acknowledged = self.channel.bytes_acknowledged()
        try:
            yield
        except (ConnectionEnded, PeerSilent, ProtocolError) as error:
            # If not even the command has reached the peer's machine, that had gone while we were idle.
            reached_nobody = acknowledged is not None and acknowledged == self.channel.bytes_acknowledged()
            self._lose(f"the peer {self._last_words() or error} {when}", error, nothing_sent=reached_nobody)
        except BaseException:
            self.abort()
            raise

    def _look_whether_alive(self) -> None:
        """Notice that the peer has ended the association while it was idle, before anything is sent."""
        if not self.is_usable:
            raise AssociationLost("the association has ended already", nothing_sent=True)
        try:
            event = self.channel.hear()
        except (ConnectionEnded, ProtocolError, PeerSilent) as error:
            self._lose(f"the peer {error} while the association was idle", error, nothing_sent=True)
        if isinstance(event, WholePdu):
            if event.type == pdu.A_RELEASE_RQ:
                with suppress(ConnectionEnded, PeerSilent):
                    self.channel.send(pdu.encode_release_rp())
            self._lose(f"the peer {_ended_by(event)} while it was idle", None, nothing_sent=True)
        if event is not None:
            self._lose("the peer sent a message that answers nothing", None, nothing_sent=True)

    def _last_words(self) -> str:
        """What the peer said before it closed the connection, if that can still be read."""
        with suppress(ConnectionEnded, ProtocolError, PeerSilent):
            event = self.channel.hear()
            if isinstance(event, WholePdu):
                return _ended_by(event)
        return ""

    def _lose(self, text: str, cause: Exception | None, *, nothing_sent: bool) -> NoReturn:
        self.abort()
        raise AssociationLost(text, nothing_sent=nothing_sent) from cause

    # ---- the end

    def release(self) -> None:
        """Release the association in order (PS3.8 7.2) and close the connection. Never raises; safe twice."""
        if not self.is_usable:
            return
        self.is_usable = False
        deadline = time.monotonic() + self._settings.release_timeout_s
        with suppress(ConnectionEnded, PeerSilent, ProtocolError):
            self.channel.send(pdu.encode_release_rq())
            while True:
                event = self.channel.next_event(deadline - time.monotonic())
                if not isinstance(event, WholePdu):
                    continue
                if event.type != pdu.A_RELEASE_RQ:
                    break
                # Both asked to release at once: of the two the requestor answers first (PS3.8 AR-9).
                self.channel.send(pdu.encode_release_rp())
        self.channel.close()

    def abort(self) -> None:
        """Abort the association and close the connection. Never raises; safe twice."""
        if self.is_usable:
            self.is_usable = False
            self.channel.abort()
            self.channel.finish(_ABORT_LINGER_S)


class _Wait:
    """How much longer an answer is waited for."""

    def __init__(self, channel: PduChannel, limit_s: float, alive: Callable[[], None] | None) -> None:
        self._limit_s = limit_s
        self._alive = alive
        self._flow = Flow(channel, self._begin)
        self._begin()

    @property
    def left_s(self) -> float:
        """Seconds; negative when the time is up."""
        return self._deadline - time.monotonic()

    def tick(self) -> bool:
        """Look whether the peer takes bytes; never a reason to stop waiting."""
        if self._alive:
            self._alive()
        return self._flow()

    def _begin(self) -> None:
        self._deadline = time.monotonic() + self._limit_s


def _ended_by(event: WholePdu) -> str:
    match event.type:
        case pdu.A_ABORT:
            return f"ended the association: {pdu.abort_in_words(event.body)}"
        case pdu.A_RELEASE_RQ:
            return "released the association"
        case _:
            return f"sent an {event.name}"
