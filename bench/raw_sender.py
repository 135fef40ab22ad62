"""The sender that all receivers are fed by: everything is laid out in memory before the clock starts.

Per object it makes one `sendall` and reads one answer, so that what is measured is the receiver. Opening the
associations counts, because a receiver may take them one after the other; what is sent over them is ready.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from bench import wire
from bench.objects import BenchObject

CALLING_AE = "BENCH"
_TIMEOUT_S = 120.0


class Dialect(Protocol):
    """How to speak to a receiver."""

    def lay_out(self, port: int, objects: Sequence[BenchObject]) -> list[bytes]:
        """The bytes of each object, as they will go out."""
        ...

    def open(self, sock: socket.socket, objects: Sequence[BenchObject]) -> None:
        """Get ready to send."""
        ...

    def answered(self, sock: socket.socket) -> None:
        """Wait for the answer to one object. Raises `wire.WireError` if it is not success."""
        ...

    def close(self, sock: socket.socket) -> None:
        """End in order."""
        ...


class Dicom:
    """C-STORE over an association, in PDUs of the greatest length that the receiver takes."""

    def __init__(self, called_ae: str, *, more_sop_classes: Sequence[str] = ()) -> None:
        self._called_ae = called_ae
        self._more_sop_classes = more_sop_classes

    def lay_out(self, port: int, objects: Sequence[BenchObject]) -> list[bytes]:
        """Ask the receiver for its PDU length, and cut the objects to it."""
        with connect(port) as sock:
            max_pdu_bytes = self._associate(sock, objects[0])
            wire.release(sock)
        return [wire.lay_out(one, max_pdu_bytes, number) for number, one in enumerate(objects, start=1)]

    def open(self, sock: socket.socket, objects: Sequence[BenchObject]) -> None:
        """Open the association."""
        self._associate(sock, objects[0])

    def _associate(self, sock: socket.socket, an_object: BenchObject) -> int:
        own = an_object.kind.sop_class_uid
        others = [uid for uid in self._more_sop_classes if uid != own]
        return wire.associate(
            sock, called_ae=self._called_ae, calling_ae=CALLING_AE, sop_class_uids=[own, *others]
        )

    def answered(self, sock: socket.socket) -> None:
        """Wait for a C-STORE-RSP with status success."""
        status = wire.read_status(sock)
        if status != wire.SUCCESS:
            raise wire.WireError(f"answered {status:04X}H")

    def close(self, sock: socket.socket) -> None:
        """Release the association."""
        wire.release(sock)


class Bare:
    """Four bytes of length and the data set; one byte back when it is on the disk. No DICOM at all."""

    def lay_out(self, port: int, objects: Sequence[BenchObject]) -> list[bytes]:  # noqa: ARG002 - as the others
        """The length, then the data set."""
        return [b"".join((one.size_bytes.to_bytes(4, "big"), *one.data_set())) for one in objects]

    def open(self, sock: socket.socket, objects: Sequence[BenchObject]) -> None:
        """Nothing to open."""

    def answered(self, sock: socket.socket) -> None:
        """Wait for the byte."""
        wire.read_exactly(sock, 1)

    def close(self, sock: socket.socket) -> None:
        """Nothing to end."""


def connect(port: int) -> socket.socket:
    """Connect, with Nagle's algorithm off."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def stream(port: int, dialect: Dialect, objects: Sequence[BenchObject], *, associations: int) -> float:
    """Send objects, shared out between associations that work at a time.

    Returns
    -------
    Seconds from the first connection to the last answer.

    Raises
    ------
    OSError, wire.WireError
        An object was not answered with success.
    """
    shares = [objects[number::associations] for number in range(associations)]
    lanes = [_Lane(port, dialect, share) for share in shares if share]
    threads = [threading.Thread(target=lane.run) for lane in lanes]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lane in lanes:
        if lane.error is not None:
            raise lane.error
    return max(lane.ended for lane in lanes) - started


class _Lane:
    """One association and what goes over it."""

    def __init__(self, port: int, dialect: Dialect, objects: Sequence[BenchObject]) -> None:
        self._port = port
        self._dialect = dialect
        self._objects = objects
        self._messages = dialect.lay_out(port, objects)
        self.error: Exception | None = None
        self.ended = 0.0

    def run(self) -> None:
        try:
            # Closed by this thread: a receiver of one association at a time waits for that.
            with connect(self._port) as sock:
                self._dialect.open(sock, self._objects)
                for message in self._messages:
                    sock.sendall(message)
                    self._dialect.answered(sock)
                self.ended = time.perf_counter()
                self._dialect.close(sock)
        except (OSError, wire.WireError) as error:
            self.error = error


def stream_one_by_one(port: int, dialect: Dialect, objects: Sequence[BenchObject]) -> float:
    """Send each object over an association of its own; seconds from the first connection to the last release.

    Raises
    ------
    OSError, wire.WireError
        An object was not answered with success.
    """
    messages = dialect.lay_out(port, objects)
    started = time.perf_counter()
    for an_object, message in zip(objects, messages, strict=True):
        with connect(port) as sock:
            dialect.open(sock, [an_object])
            sock.sendall(message)
            dialect.answered(sock)
            dialect.close(sock)
    return time.perf_counter() - started


def stream_large(port: int, called_ae: str, an_object: BenchObject) -> float:
    """Send one object PDU by PDU, so that it need not be in memory; seconds from connection to answer.

    Raises
    ------
    OSError, wire.WireError
        It was not answered with success.
    """
    dialect = Dicom(called_ae)
    started = time.perf_counter()
    with connect(port) as sock:
        max_pdu_bytes = wire.associate(
            sock, called_ae=called_ae, calling_ae=CALLING_AE, sop_class_uids=[an_object.kind.sop_class_uid]
        )
        for pdu in wire.pdus(an_object, max_pdu_bytes, 1):
            sock.sendall(pdu)
        dialect.answered(sock)
        took_s = time.perf_counter() - started
        dialect.close(sock)
    return took_s
