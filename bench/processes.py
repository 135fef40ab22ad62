"""Other programs: started, found ready, asked what they have used, ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_READY_WITHIN_S = 20.0
DCMTK_ENVIRONMENT = {"TCP_NODELAY": "1"}
"""DCMTK leaves Nagle's algorithm on unless told so; then every small message waits for an acknowledgement."""


class NotReady(Exception):  # noqa: N818 - it says what happened
    """A program did not start to listen."""


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module with this very interpreter."""
    return [sys.executable, "-m", module, *arguments]


def start(command: Sequence[str], log: Path, *, environment: Mapping[str, str] | None = None) -> Server:
    """Start a program that serves, its messages into a log."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=out,
            env={**os.environ, **(environment or {})},
        )
    return Server(process)


class Server:
    """A program that serves until it is ended."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """Its process ID."""
        return self._process.pid

    def read_port(self) -> int:
        """The port that it prints first."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise NotReady(f"{self._process.args!r} ended with status {self._process.wait()}")
        return int(line)

    def wait_for_port(self, port: int) -> None:
        """Wait until it listens on a port."""
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise NotReady(f"{self._process.args!r} does not listen on port {port}")

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def free_port() -> int:
    """A port that nobody listens on just now, for programs that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """What a process and everything below it have used so far, children that have ended included."""
    return sum(_stat(one)[1] for one in _tree(pid))


def peak_memory_mib(pid: int) -> float:
    """The most memory that any one process of a tree had so far (VmHWM, proc(5)), of those still there."""
    return max(_peak_kib(one) for one in _tree(pid)) / 1024


def open_descriptors(pid: int) -> int:
    """How many descriptors a process and everything below it have open now."""
    return sum(_descriptors(one) for one in _tree(pid))


def _descriptors(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def _peak_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def _tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(_stat(int(entry.name))[0], []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _stat(pid: int) -> tuple[int, float]:
    """Parent and seconds of CPU of a process (proc(5)); (0, 0) of one that is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0, 0.0
    fields = text.rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / _TICKS_PER_S
