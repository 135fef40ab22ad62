"""The accept loop: a thread for each association, a limit, and an orderly end."""

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
from hilum_core.dicom.reception import (
    LIMIT_EXCEEDED,
    AcceptorSettings,
    Admission,
    AssociationReport,
    CallerTls,
    Gatekeeper,
    ObjectReceiver,
    Rejection,
)
from hilum_core.dicom.transport import TICK_S

_FULL_WAITS_S: Final = 0.02
_BUSY_WAITS_S: Final = 0.0005
_BUSY_WAITS_AT_MOST_S: Final = 0.01
_MOST_WAITS: Final = 16
"""How long an accept loop leaves a caller to those that share its socket: where it may be full; where it is
not, for each caller that it serves, and at most; and how often in a second, so that callers that come one
after the other are taken as they come."""


@attrs.frozen
class TlsListener:
    """A port for TLS. ``context`` gives the next caller's; None while there is no usable certificate."""

    listening: socket.socket
    context: Callable[[], ssl.SSLContext | None]


class _Door:
    """A gatekeeper for one caller, which counts it if the other admits it."""

    def __init__(self, gatekeeper: Gatekeeper, callers: Callers, caller: Caller) -> None:
        self._gatekeeper = gatekeeper
        self._callers = callers
        self._caller = caller

    def admit(
        self, *, called_ae: str, calling_ae: str, address: str, tls: CallerTls | None = None
    ) -> Admission | Rejection:
        decision = self._gatekeeper.admit(
            called_ae=called_ae, calling_ae=calling_ae, address=address, tls=tls
        )
        if isinstance(decision, Admission) and not self._callers.admit(self._caller):
            return LIMIT_EXCEEDED
        return decision


class AcceptorServer:
    """Serves the associations that come in on a listening socket.

    Several processes may share the socket: whoever accepts a connection first serves it, and who has
    more to do than others lets them go first.

    Parameters
    ----------
    listening
        Bound and listening. Stays open at the end: whoever made it closes it.
    most_associations
        More are rejected, with "local limit exceeded" (2/3/2). Whoever has not been admitted does not
        count, see `hilum_core.dicom.callers`.
    is_shared
        Whether there are others at the socket.
    tls
        A second port, for TLS.
    on_report
        Called on the thread of each association at its end. Must not raise.
    """

    def __init__(
        self,
        listening: socket.socket,
        *,
        gatekeeper: Gatekeeper,
        receiver: ObjectReceiver,
        settings: AcceptorSettings,
        most_associations: int,
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
        self._callers = Callers(most_associations)
        self._is_shared = is_shared
        self._waits: deque[float] = deque(maxlen=_MOST_WAITS)
        self._draining = threading.Event()

    @property
    def associations(self) -> int:
        """How many connections are being served now, those that are not admitted included."""
        return len(self._callers)

    def serve(self, stopping: Callable[[], bool]) -> None:
        """Accept connections until `stopping` says so, asked at least every half second."""
        poll = select.poll()
        ports = [self._listening, *([self._tls.listening] if self._tls else [])]
        for port in ports:
            port.setblocking(False)
            poll.register(port, select.POLLIN)
        while not stopping():
            ready = {number for number, _ in poll.poll(TICK_S * 1000)}
            for port in ports:
                if port.fileno() in ready:
                    self._take_from(port)

    def _take_from(self, port: socket.socket) -> None:
        self._let_others_go_first()
        if self._callers.make_room():
            self._accept(port)
        else:
            time.sleep(TICK_S / 10)  # callers wait in the backlog of the socket

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

    def _let_others_go_first(self) -> None:
        """Leave a caller to a process that has fewer: associations of one process wait for one another."""
        if self._callers.may_be_full:
            time.sleep(_FULL_WAITS_S)
        elif self._is_shared and (callers := len(self._callers)):
            now = time.monotonic()
            if len(self._waits) < _MOST_WAITS or self._waits[0] < now - 1:
                self._waits.append(now)
                time.sleep(min(callers * _BUSY_WAITS_S, _BUSY_WAITS_AT_MOST_S))

    def _accept(self, port: socket.socket) -> None:
        try:
            sock, name = port.accept()
        except BlockingIOError:
            return  # another process was faster
        except OSError as error:
            # The caller has gone again, or we have no descriptor for it now: it stays in the backlog.
            if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                time.sleep(TICK_S)
            return
        # A socket that listens on IPv6 for both shows IPv4 callers so.
        caller = Caller(sock, str(name[0]).removeprefix("::ffff:"))
        caller.is_by_tls = self._tls is not None and port is self._tls.listening
        caller.thread = threading.Thread(
            target=self._serve_one, args=(caller,), name=f"association {caller.address}", daemon=True
        )
        self._callers.enter(caller)
        try:
            caller.thread.start()
        except RuntimeError:  # the system has no thread left for us
            self._callers.leave(caller)
            sock.close()
            time.sleep(TICK_S)

    def _serve_one(self, caller: Caller) -> None:
        context = self._tls.context() if self._tls and caller.is_by_tls else None
        if caller.is_by_tls and context is None:  # the log has said why
            caller.sock.close()
            self._callers.leave(caller)
            return
        try:
            report = serve_association(
                caller.sock,
                caller.address,
                gatekeeper=_Door(self._gatekeeper, self._callers, caller),
                receiver=self._receiver,
                settings=self._settings,
                stopping=self._draining.is_set,
                tls=context,
            )
        finally:
            self._callers.leave(caller)
        self._on_report(report)
