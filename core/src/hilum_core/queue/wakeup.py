"""Wake-ups between processes: a hint that there may be work, never the work itself.

Each stage has one Unix datagram socket in the state directory. A lost ring is made good by the poll that
every stage keeps, a doubled one costs a look at the queue: the queue alone says what there is to do.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from pathlib import Path

from hilum_core.unix_sockets import address_in


class Doorbell:
    """The bell of one stage, rung by others."""

    def __init__(self, bell: socket.socket) -> None:
        self._socket = bell

    @classmethod
    def bind(cls, state_dir: Path, stage: str) -> Doorbell:
        """Take the bell of a stage, also from a process that left it behind."""
        (state_dir / "run" / _bell(stage)).unlink(missing_ok=True)
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        with address_in(state_dir / "run", _bell(stage)) as address:
            bell.bind(address)
        return cls(bell)

    def fileno(self) -> int:
        """Readable when it rings, for `select`; `wait(0)` then stills it."""
        return self._socket.fileno()

    def wait(self, timeout_s: float | None, *extra_fds: int) -> list[int]:
        """Wait for a ring, for one of these descriptors to be readable, or for the time to pass.

        Returns
        -------
        Those of the descriptors that are readable. The bell is still afterwards.
        """
        poll = select.poll()
        for descriptor in (self._socket.fileno(), *extra_fds):
            poll.register(descriptor, select.POLLIN)
        timeout_ms = None if timeout_s is None else max(0.0, timeout_s) * 1000
        ready = [descriptor for descriptor, _ in poll.poll(timeout_ms)]
        with suppress(BlockingIOError):
            while True:
                self._socket.recv(1)
        return [descriptor for descriptor in ready if descriptor != self._socket.fileno()]

    def close(self) -> None:
        """Let go of the bell. Safe twice."""
        self._socket.close()


def ring(state_dir: Path, stage: str) -> None:
    """Wake a stage, if it is there and asleep. Never waits, never raises."""
    with (
        suppress(OSError),
        address_in(state_dir / "run", _bell(stage)) as address,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender,
    ):
        sender.sendto(b"!", address)


def _bell(stage: str) -> str:
    return f"{stage}.bell"
