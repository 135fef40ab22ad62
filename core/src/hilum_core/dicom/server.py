"""The accept loop: who comes waits on the porch, who is admitted gets a thread, and the end is orderly."""

from __future__ import annotations

import errno
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

from hilum_core.dicom.acceptor import serve_association
from hilum_core.dicom.callers import Caller, Callers
from hilum_core.dicom.negotiation import decode_head
from hilum_core.dicom.pdu import SERVICE_PROVIDER, UNEXPECTED_PDU, encode_abort, encode_reject
from hilum_core.dicom.places import Places
from hilum_core.dicom.porch import Porch, Visitor
from hilum_core.dicom.reception import (
    CONGESTED,
    LIMIT_EXCEEDED,
    AcceptorSettings,
    Admission,
    AssociationReport,
    CallerTls,
    Ending,
    Gatekeeper,
    ObjectReceiver,
    Rejection,
)
from hilum_core.dicom.transport import TICK_S
from hilum_core.log import describe_exception

_AT_ONCE: Final = 32
"""So many callers are let in before those that are in are heard."""
_BUSY_WAITS_S: Final = 0.0005
_BUSY_WAITS_AT_MOST_S: Final = 0.01
_MOST_WAITS: Final = 16
"""How long an accept loop leaves a caller to those that share its socket, for each caller that it serves, and
at most; and how often in a second, so that callers that come one after the other are taken as they come."""
_LAST_CALLERS_S: Final = 0.2
"""Who has connected so shortly before the end is still heard."""


@attrs.frozen
class TlsListener:
    """A port for TLS. ``context`` gives the next caller's; None while there is no usable certificate."""

    listening: socket.socket
    context: Callable[[], ssl.SSLContext | None]


class _Door:
    """A gatekeeper for one caller: asks the other once, and takes a place for a caller that it admits."""

    def __init__(self, gatekeeper: Gatekeeper, places: Places, caller: Caller) -> None:
        self._gatekeeper = gatekeeper
        self._places = places
        self._caller = caller

    def admit(
        self, *, called_ae: str, calling_ae: str, address: str, tls: CallerTls | None = None
    ) -> Admission | Rejection:
        if self._caller.admission:
            return self._caller.admission
        decision = self._gatekeeper.admit(
            called_ae=called_ae, calling_ae=calling_ae, address=address, tls=tls
        )
        if isinstance(decision, Admission):
            place = self._places.take(decision)
            if place is None:
                return attrs.evolve(LIMIT_EXCEEDED, peer=decision.peer)
            self._caller.admission, self._caller.place = decision, place
        return decision


class AcceptorServer:
    """Serves the associations that come in on a listening socket.

    Several processes may share the socket: whoever accepts a connection first serves it, and who has
    more to do than others lets them go first.

    Parameters
    ----------
    listening
        Bound and listening. Stays open at the end: whoever made it closes it.
    places
        Beyond them callers are rejected, with "local limit exceeded" (2/3/2). Whoever has not been admitted
        takes none, see `hilum_core.dicom.porch`.
    is_shared
        Whether there are others at the socket.
    tls
        A second port, for TLS.
    on_report
        Called at the end of each connection, on the thread that served it. Must not raise.
    """

    def __init__(
        self,
        listening: socket.socket,
        *,
        gatekeeper: Gatekeeper,
        receiver: ObjectReceiver,
        settings: AcceptorSettings,
        places: Places,
        on_report: Callable[[AssociationReport], None],
        is_shared: bool = False,
        tls: TlsListener | None = None,
    ) -> None:
        self._tls = tls
        self._listening = listening
        self._gatekeeper = gatekeeper
        self._receiver = receiver
        self._settings = settings
        self._on_report = on_report
        self._places = places
        self._porch = Porch(settings.artim_s)
        self._callers = Callers()
        self._is_shared = is_shared
        self._waits: deque[float] = deque(maxlen=_MOST_WAITS)
        self._draining = threading.Event()

    @property
    def associations(self) -> int:
        """How many connections have a thread."""
        return len(self._callers)

    @property
    def waiting(self) -> int:
        """How many have not said who calls."""
        return len(self._porch)

    def serve(self, stopping: Callable[[], bool]) -> None:
        """Accept connections until `stopping` says so, asked at least every half second."""
        poll = select.poll()
        poll.register(self._porch, select.POLLIN)
        ports = [self._listening, *([self._tls.listening] if self._tls else [])]
        for port in ports:
            port.setblocking(False)
            poll.register(port, select.POLLIN)
        looked_at = time.monotonic()
        while not stopping():
            ready = {number for number, _ in poll.poll(TICK_S * 1000)}
            self._hear()
            for port in ports:
                if port.fileno() in ready:
                    self._let_others_go_first()
                    self._accept_some(port)
            if time.monotonic() >= looked_at + TICK_S:
                looked_at = time.monotonic()
                self._end_late()
        self._hear_the_last()
        self._porch.send_home()

    def see_off(self, stopping: Callable[[], bool]) -> None:
        """Let each association go on until its caller ends it, or `stopping` says so."""
        while len(self._callers) and not stopping():
            time.sleep(TICK_S)

    def drain(self, deadline_s: float) -> None:
        """Let each association end once it is silent between two messages, and all at the deadline."""
        self._draining.set()
        deadline = time.monotonic() + deadline_s
        for caller in self._callers.everybody():
            caller.thread.join(max(0.0, deadline - time.monotonic()))
        self.abort_all()

    def abort_all(self) -> None:
        """End all associations at once: what is half received is discarded, and its sender not answered."""
        self._draining.set()
        everybody = self._callers.everybody()
        for caller in everybody:
            caller.send_away()
        for caller in everybody:
            caller.thread.join(2 * TICK_S)

    # ---- who comes

    def _let_others_go_first(self) -> None:
        """Leave a caller to a process that has fewer: associations of one process wait for one another."""
        if self._is_shared and (callers := len(self._callers)):
            now = time.monotonic()
            if len(self._waits) < _MOST_WAITS or self._waits[0] < now - 1:
                self._waits.append(now)
                time.sleep(min(callers * _BUSY_WAITS_S, _BUSY_WAITS_AT_MOST_S))

    def _accept_some(self, port: socket.socket) -> None:
        is_by_tls = self._tls is not None and port is self._tls.listening
        for _ in range(_AT_ONCE):
            if self._porch.is_full and not self._dismiss(self._porch.make_room()):
                time.sleep(TICK_S / 10)  # callers wait in the backlog of the socket
                return
            try:
                sock, name = port.accept()
            except BlockingIOError:
                return  # there are no more, or another process was faster
            except OSError as error:
                # The caller has gone again, or we have no descriptor for it now: it stays in the backlog.
                if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                    self._porch.end_leaving()
                    self._hear()  # so that nobody gives way who has spoken
                    if not self._dismiss(self._porch.make_room(at_once=True)):
                        time.sleep(TICK_S)
                return
            # A socket that listens on IPv6 for both shows IPv4 callers so.
            address = str(name[0]).removeprefix("::ffff:")
            self._dismiss(self._porch.enter(Visitor(sock, address, is_by_tls)))

    # ---- who waits on the porch

    def _hear(self) -> None:
        for visitor in self._porch.hear():
            if visitor.has_gone:
                self._close(visitor, Ending.LOST, "closed the connection")
                continue
            try:
                self._let_in(visitor)
            except Exception as defect:  # noqa: BLE001 - one caller must not end the others
                self._close(visitor, Ending.DEFECT, describe_exception(defect))

    def _end_late(self) -> None:
        for visitor in self._porch.late():
            self._close(visitor, Ending.TIMED_OUT, "sent no request for an association in time")

    def _hear_the_last(self) -> None:
        """Let in who has just connected: every modality speaks at once."""
        end = time.monotonic() + _LAST_CALLERS_S
        while (left_s := end - time.monotonic()) > 0 and len(self._porch):
            select.select([self._porch], [], [], left_s)
            self._hear()

    def _let_in(self, visitor: Visitor) -> None:
        """Give a visitor that has spoken a thread, or turn it away if what it said is enough for that."""
        caller = Caller(visitor.sock, visitor.address, visitor.connected_at)
        context = self._tls.context() if self._tls and visitor.is_by_tls else None
        if visitor.is_by_tls and context is None:  # the log has said why
            visitor.sock.close()
            return
        door = _Door(self._gatekeeper, self._places, caller)
        if visitor.says_who_calls:
            called_ae, calling_ae = decode_head(visitor.head)
            try:
                decision = door.admit(called_ae=called_ae, calling_ae=calling_ae, address=visitor.address)
            except Exception:  # noqa: BLE001 - a defect: the thread asks again, and says so in its report
                decision = None
            if isinstance(decision, Rejection):
                self._reject(visitor, decision)
                return
        if not caller.admission and not self._callers.make_room():
            self._porch.turn_away(visitor, encode_abort(SERVICE_PROVIDER, UNEXPECTED_PDU))
            self._report(visitor, Ending.PROTOCOL_ERROR, "sent no A-ASSOCIATE-RQ, as many others do now")
            return
        self._start(caller, visitor, door, context)

    def _start(self, caller: Caller, visitor: Visitor, door: _Door, context: ssl.SSLContext | None) -> None:
        caller.thread = threading.Thread(
            target=self._serve_one,
            args=(caller, door, context),
            name=f"association {caller.address}",
            daemon=True,
        )
        self._callers.enter(caller)
        try:
            caller.thread.start()
        except RuntimeError:  # the system has no thread left for us
            self._leave(caller)
            peer = caller.admission.peer if caller.admission else None
            self._reject(visitor, attrs.evolve(CONGESTED, peer=peer))

    def _serve_one(self, caller: Caller, door: _Door, context: ssl.SSLContext | None) -> None:
        try:
            report = serve_association(
                caller.sock,
                caller.address,
                gatekeeper=door,
                receiver=self._receiver,
                settings=self._settings,
                stopping=self._draining.is_set,
                connected_at=caller.connected_at,
                tls=context,
            )
        finally:
            self._leave(caller)
        self._on_report(report)

    def _leave(self, caller: Caller) -> None:
        self._callers.leave(caller)
        if caller.place is not None:
            self._places.give_back(caller.place)

    # ---- who goes without having had a thread

    def _reject(self, visitor: Visitor, rejection: Rejection) -> None:
        self._porch.turn_away(visitor, encode_reject(rejection.result, rejection.source, rejection.reason))
        called_ae, calling_ae = decode_head(visitor.head) if visitor.says_who_calls else ("", "")
        self._report(
            visitor,
            Ending.REJECTED,
            rejection.text,
            called_ae=called_ae,
            calling_ae=calling_ae,
            peer=rejection.peer,
        )

    def _dismiss(self, visitor: Visitor | None) -> bool:
        """Close the connection of one that gives way, if there is one; whether there was."""
        if visitor is not None:
            self._close(visitor, Ending.TIMED_OUT, "sent no request for an association, and others came")
        return visitor is not None

    def _close(self, visitor: Visitor, ending: Ending, text: str) -> None:
        visitor.hang_up()
        self._report(visitor, ending, text)

    def _report(
        self,
        visitor: Visitor,
        ending: Ending,
        text: str,
        *,
        called_ae: str = "",
        calling_ae: str = "",
        peer: str | None = None,
    ) -> None:
        self._on_report(
            AssociationReport(
                calling_ae=calling_ae,
                called_ae=called_ae,
                address=visitor.address,
                peer=peer,
                stored=0,
                refused=0,
                data_bytes=0,
                seconds=time.monotonic() - visitor.connected_at,
                ending=ending,
                text=text,
            )
        )
