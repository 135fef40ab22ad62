"""What every process of the router starts with: its arguments, its life line, its signals.

A stage process lives as long as its supervisor: the supervisor holds the other end of the *life line*
(a pipe), and when that closes the process ends at once. Nothing that it had acknowledged is lost by
that, because nothing is acknowledged before it is durable.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import attrs

from hilum_core import log
from hilum_core.arguments import from_command_line
from hilum_core.clock import Clock, SystemClock
from hilum_core.incarnation import Incarnation, StateDirError
from hilum_core.queue import QUEUE_FILE, Doorbell, QueueDamaged, QueueUnavailable, QueueUnusable, SqliteQueue
from hilum_core.spool import Spool

EXIT_CANNOT_START = 75
"""A stage cannot work at all, and trying again will not help: the router stops with its one line."""

EXIT_QUEUE_DAMAGED = 76
"""The queue is damaged: the router goes on receiving, and does nothing else until it is made anew."""


@attrs.frozen(kw_only=True)
class StageArguments:
    """What the supervisor tells a stage process on its command line.

    ``lifeline_fd`` is the reading end of the life line; ``lock_fd`` holds the lock of the state
    directory for as long as any process of the router lives; ``listen_fd`` is the bound socket, and
    ``listen_tls_fd`` the one for TLS, if there is one (RECEIVE only). ``epoch`` is another one for each
    start of the router and each config that it takes.
    """

    state_dir: Path
    revision: int
    lifeline_fd: int
    lock_fd: int
    stop_within_s: float
    log_format: log.LogFormat = "text"
    log_level: str = "info"
    listen_fd: int = -1
    listen_tls_fd: int = -1
    epoch: str = ""

    def inherited_fds(self) -> tuple[int, ...]:
        """The file descriptors that a child of this process must inherit."""
        fds = (self.lifeline_fd, self.lock_fd, self.listen_fd, self.listen_tls_fd)
        return tuple(fd for fd in fds if fd >= 0)


class StopSignal:
    """Set by the first SIGTERM; a second one ends the process at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def listen(self, *, to_terminal: bool = False) -> None:
        """Take over SIGTERM of this process (main thread only), and SIGINT if it speaks for the terminal.

        A Ctrl-C, or the SIGHUP of a terminal that is closed, reaches the whole process group; only the
        supervisor heeds it, and tells the others. What these start ignores both, too.
        """
        signal.signal(signal.SIGTERM, self._on_signal)
        if to_terminal:
            signal.signal(signal.SIGINT, self._on_signal)
        else:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def fileno(self) -> int:
        """Readable once stopping, for `select`."""
        return self._wake_read

    def __call__(self) -> bool:
        """Whether to stop."""
        return self._event.is_set()

    def set(self) -> None:
        """Stop."""
        if not self._event.is_set():
            self._event.set()
            os.write(self._wake_write, b"!")

    def wait(self, timeout_s: float) -> bool:
        """Wait until stopping; whether it is."""
        return self._event.wait(timeout_s)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._event.is_set():
            os._exit(1)
        self.set()


def start(argv: Sequence[str], *, stage: str) -> tuple[StageArguments, StopSignal]:
    """Begin a stage process: arguments, log, life line, signals."""
    arguments = from_command_line(StageArguments, argv)
    for fd in arguments.inherited_fds():
        os.set_inheritable(fd, False)  # what a plugin leaves behind must not hold lock or port
    log.start(arguments.log_format, arguments.log_level, stage, reads_dicom=False)
    watch_lifeline(arguments.lifeline_fd)
    stopping = StopSignal()
    stopping.listen()
    return arguments, stopping


def run_stage(main: Callable[[], None]) -> NoReturn:
    """Run a stage's process; a fault that no new start mends ends the router, with one line of its own."""
    try:
        main()
    except QueueDamaged as error:
        log.get_logger("stage").error("cannot use the queue", reason=error.message)
        sys.exit(EXIT_QUEUE_DAMAGED)
    except (QueueUnusable, StateDirError) as error:
        log.get_logger("stage").error("cannot work here", reason=error.message)
        sys.exit(EXIT_CANNOT_START)
    except QueueUnavailable as error:
        log.get_logger("stage").error("the queue cannot be used, trying on", reason=error.message)
        sys.exit(1)
    sys.exit(0)


def watch_lifeline(fd: int) -> None:
    """End this process when the other end of the life line closes."""

    def watch() -> None:
        os.read(fd, 1)
        os._exit(1)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()


def open_queue(
    state_dir: Path, incarnation: int, clock: Clock | None = None, *, epoch: str = ""
) -> SqliteQueue:
    """Open the router's queue for one process."""
    return SqliteQueue.open(state_dir / QUEUE_FILE, incarnation, clock or SystemClock(), epoch=epoch)


@contextmanager
def open_stage(
    arguments: StageArguments, stage: str, clock: Clock
) -> Iterator[tuple[SqliteQueue, Spool, Doorbell]]:
    """Open what a coordinator works with: queue, spool (to find files, not to receive) and doorbell."""
    incarnation = Incarnation.claim(arguments.state_dir, stage)
    queue = open_queue(arguments.state_dir, incarnation.number, clock, epoch=arguments.epoch)
    doorbell = Doorbell.bind(arguments.state_dir, stage)
    try:
        yield queue, Spool(arguments.state_dir, incarnation.number), doorbell
    finally:
        queue.close()
        incarnation.close()
