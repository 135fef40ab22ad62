"""Connections that say nothing, and a flood of strangers: `python -m bench.programs.besieger PORT IDLE RATE`.

Prints a line when the idle ones stand. Those that are closed on it are opened again. RATE associations a
second are asked for under an AE title that nobody knows, and the answer is read.
"""

from __future__ import annotations

import select
import socket
import sys
import time

from bench.wire import WireError, associate

_STRANGER = "STRANGER"
_CALLED = "HILUM"
_CT = "1.2.840.10008.5.1.4.1.1.2"


def main() -> None:
    """Besiege until the process is ended."""
    port, idle, rate = (int(argument) for argument in sys.argv[1:])
    silent = _Silent(port, idle)
    print(port, flush=True)
    due = time.monotonic()
    while True:
        _knock(port)
        silent.renew()
        due = max(due + 1 / rate, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))


def _knock(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        try:
            associate(sock, called_ae=_CALLED, calling_ae=_STRANGER, sop_class_uids=[_CT])
        except WireError:
            return
    raise AssertionError("a stranger was let in")


class _Silent:
    """Connections that say nothing."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._poll = select.epoll()
        self._socks: dict[int, socket.socket] = {}
        for _ in range(count):
            self._open()

    def _open(self) -> None:
        sock = socket.create_connection(("127.0.0.1", self._port))
        self._socks[sock.fileno()] = sock
        self._poll.register(sock, select.EPOLLIN)

    def renew(self) -> None:
        """Open anew what the router has closed."""
        for number, _ in self._poll.poll(0):
            self._socks.pop(number).close()
            self._open()


if __name__ == "__main__":
    main()
