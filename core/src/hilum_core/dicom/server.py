"""The accept loop: a thread for each association, a limit, and an orderly end."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

from hilum_core.dicom.acceptor import serve_association
from hilum_core.dicom.channel import TICK_S
from hilum_core.dicom.reception import (
    LIMIT_EXCEEDED,
    AcceptorSettings,
    AssociationReport,
    Gatekeeper,
    ObjectReceiver,
    Rejection,
)

_REJECTED_AT_ONCE: Final = 16
"""Beyond the limit so many callers are told so at a time; more wait in the backlog of the socket."""


class _Full:
    """A gatekeeper that turns everybody away for now."""

    def admit(self, *, called_ae: str, calling_ae: str, address: str) -> Rejection:  # noqa: ARG002
        return LIMIT_EXCEEDED


class AcceptorServer:
    """Serves the associations that come in on a listening socket.

    Several processes may share the socket: whoever accepts a connection first serves it.

    Parameters
    ----------
    listening
        Bound and listening. Stays open at the end: whoever made it closes it.
    most_associations
        More are rejected, with "local limit exceeded" (2/3/2).
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
    ) -> None:
        self._listening = listening
        self._gatekeeper = gatekeeper
        self._receiver = receiver
        self._settings = settings
        self._most_associations = most_associations
        self._on_report = on_report
        self._lock = threading.Lock()
        self._serving: dict[threading.Thread, socket.socket] = {}
        self._draining = threading.Event()

    @property
    def associations(self) -> int:
        """How many connections are being served now, those that are being rejected included."""
        with self._lock:
            return len(self._serving)

    def serve(self, stopping: Callable[[], bool]) -> None:
        """Accept connections until `stopping` says so, asked at least every half second."""
        self._listening.setblocking(False)
        poll = select.poll()
        poll.register(self._listening, select.POLLIN)
        while not stopping():
            if self.associations >= self._most_associations + _REJECTED_AT_ONCE:
                time.sleep(TICK_S / 10)
            elif poll.poll(TICK_S * 1000):
                self._accept()

    def drain(self, deadline_s: float) -> None:
        """Let each association end once it is silent between two messages, and all at the deadline."""
        self._draining.set()
        deadline = time.monotonic() + deadline_s
        with self._lock:
            threads = list(self._serving)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.abort_all()

    def abort_all(self) -> None:
        """End all associations at once: what is half received is discarded, and its sender not answered."""
        self._draining.set()
        with self._lock:
            serving = dict(self._serving)
        for sock in serving.values():
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in serving:
            thread.join(2 * TICK_S)

    def _accept(self) -> None:
        try:
            sock, name = self._listening.accept()
        except BlockingIOError:
            return  # another process was faster
        except OSError as error:
            # The caller has gone again, or we have no descriptor for it now: it stays in the backlog.
            if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
                time.sleep(TICK_S)
            return
        gatekeeper = self._gatekeeper if self.associations < self._most_associations else _Full()
        # A socket that listens on IPv6 for both shows IPv4 callers so.
        address = str(name[0]).removeprefix("::ffff:")
        thread = threading.Thread(
            target=self._serve_one,
            args=(sock, address, gatekeeper),
            name=f"association {address}",
            daemon=True,
        )
        with self._lock:
            self._serving[thread] = sock
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left for us
            with self._lock:
                del self._serving[thread]
            sock.close()
            time.sleep(TICK_S)

    def _serve_one(self, sock: socket.socket, address: str, gatekeeper: Gatekeeper) -> None:
        try:
            report = serve_association(
                sock,
                address,
                gatekeeper=gatekeeper,
                receiver=self._receiver,
                settings=self._settings,
                stopping=self._draining.is_set,
            )
        finally:
            with self._lock:
                del self._serving[threading.current_thread()]
        self._on_report(report)
