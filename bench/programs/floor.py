"""The floor: what reading a socket, writing a new file and one fdatasync cost on this machine.

`python -m bench.programs.floor FOLDER` prints its port. No DICOM, no queue: nothing durable in
Python is faster.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from itertools import count
from pathlib import Path

_BUFFER_BYTES = 1 << 20
_LENGTH_BYTES = 4


def serve(listening: socket.socket, folder: Path) -> None:
    """Take connections, each in a thread of its own, until the process is ended."""
    for number in count():
        sock, _ = listening.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=_receive, args=(sock, folder, number), daemon=True).start()


def _receive(sock: socket.socket, folder: Path, connection: int) -> None:
    buffer = memoryview(bytearray(_BUFFER_BYTES))
    with sock:
        for number in count():
            header = sock.recv(_LENGTH_BYTES, socket.MSG_WAITALL)
            if len(header) < _LENGTH_BYTES:
                return
            fd = os.open(folder / f"{connection}-{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                _copy(sock, fd, int.from_bytes(header, "big"), buffer)
                os.fdatasync(fd)
            finally:
                os.close(fd)
            sock.sendall(b"\0")


def _copy(sock: socket.socket, fd: int, length: int, buffer: memoryview) -> None:
    while length:
        received = sock.recv_into(buffer[: min(length, _BUFFER_BYTES)])
        if not received:
            return
        os.write(fd, buffer[:received])
        length -= received


def main() -> None:
    """Listen on any free port, and print it."""
    listening = socket.create_server(("127.0.0.1", 0))
    print(listening.getsockname()[1], flush=True)
    serve(listening, Path(sys.argv[1]))


if __name__ == "__main__":
    main()
