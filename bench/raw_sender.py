"""The sender that all receivers are fed by: everything is laid out in memory before the clock starts.

Per object it makes one `sendall` and reads one answer, so that what is measured is the receiver.
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


class Dialect(Protocol):
    """How to speak to a receiver."""

    def open(self, sock: socket.socket, objects: Sequence[BenchObject]) -> list[bytes]:
        """Get ready to send; the bytes of each object, as they go out."""
        ...

    def answered(self, sock: socket.socket) -> None:
        """Wait for the answer to one object. Raises `wire.WireError` if it is not success."""
        ...

    def close(self, sock: socket.socket) -> None:
        """End in order."""
        ...


class Dicom:
    """C-STORE over an association, in PDUs of the greatest length that the receiver takes."""

    def __init__(self, called_ae: str) -> None:
        self._called_ae = called_ae

    def open(self, sock: socket.socket, objects: Sequence[BenchObject]) -> list[bytes]:
        """Open the association."""
        max_pdu_bytes = wire.associate(
            sock,
            called_ae=self._called_ae,
            calling_ae=CALLING_AE,
            sop_class_uid=objects[0].kind.sop_class_uid,
        )
        return [wire.lay_out(one, max_pdu_bytes, number) for number, one in enumerate(objects, start=1)]

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

    def open(self, sock: socket.socket, objects: Sequence[BenchObject]) -> list[bytes]:  # noqa: ARG002 - as the others
        """Nothing to open."""
        return [b"".join((one.size_bytes.to_bytes(4, "big"), one.head, one.pixels)) for one in objects]

    def answered(self, sock: socket.socket) -> None:
        """Wait for the byte."""
        wire.read_exactly(sock, 1)

    def close(self, sock: socket.socket) -> None:
        """Nothing to end."""


def stream(port: int, dialect: Dialect, objects: Sequence[BenchObject], *, associations: int) -> float:
    """Send objects, shared out between associations that work at a time; seconds from start to last answer.

    Raises
    ------
    wire.WireError
        An object was not answered with success.
    """
    lanes = [_Lane(port, dialect, objects[number::associations]) for number in range(associations)]
    threads = [threading.Thread(target=lane.run) for lane in lanes]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - started
    for lane in lanes:
        lane.close()
    return took_s


class _Lane:
    """One association and what goes over it."""

    def __init__(self, port: int, dialect: Dialect, objects: Sequence[BenchObject]) -> None:
        self._dialect = dialect
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._messages = dialect.open(self._sock, objects)
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            for message in self._messages:
                self._sock.sendall(message)
                self._dialect.answered(self._sock)
        except (OSError, wire.WireError) as error:
            self._error = error

    def close(self) -> None:
        try:
            if self._error is not None:
                raise self._error
            self._dialect.close(self._sock)
        finally:
            self._sock.close()
