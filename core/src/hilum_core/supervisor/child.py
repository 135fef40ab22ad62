"""One stage process, across its deaths."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time

import attrs

from hilum_core.arguments import command_line
from hilum_core.restarts import RestartClock
from hilum_core.stage import StageArguments

_LONGEST_RETIREMENT_S = 3600.0


@attrs.define(eq=False)
class Child:
    """A process that the supervisor keeps running.

    ``after``: it starts only when that one has ended, because a stage has one coordinator, and its
    lanes one set of workers.
    """

    name: str
    module: str
    arguments: StageArguments
    after: Child | None = None
    clock: RestartClock = attrs.field(factory=RestartClock, init=False)
    _process: subprocess.Popen[bytes] | None = attrs.field(default=None, init=False)
    _pidfd: int = attrs.field(default=-1, init=False)
    _retire_by: float = attrs.field(default=math.inf, init=False)
    _leave_by: float = attrs.field(default=math.inf, init=False)

    @property
    def is_running(self) -> bool:
        """Whether there is a process that was not collected yet."""
        return self._process is not None

    @property
    def receives(self) -> bool:
        """Whether it has the port of the router."""
        return self.arguments.listen_fd >= 0

    @property
    def may_start(self) -> bool:
        """Whether there is none, and nothing but time stands in the way of one."""
        return self._process is None and (self.after is None or not self.after.is_running)

    def fileno(self) -> int:
        """Readable when the process has ended."""
        return self._pidfd

    def start(self) -> None:
        """Start the process.

        Raises
        ------
        OSError
            The system has no process, memory or descriptor left for it.
        """
        self.clock.started()
        process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [sys.executable, "-m", self.module, *command_line(self.arguments)],
            stdin=subprocess.DEVNULL,
            pass_fds=self.arguments.inherited_fds(),
        )
        try:
            self._pidfd = os.pidfd_open(process.pid)
        except OSError:
            process.kill()
            process.wait()
            raise
        self._process = process

    def collect(self) -> int:
        """The exit status of the process, which has ended; negative: by that signal."""
        assert self._process is not None
        code = self._process.wait()
        os.close(self._pidfd)
        self._process, self._pidfd = None, -1
        return code

    def retire(self) -> None:
        """Ask a receiver to take no more callers, and to end when those that it has are done."""
        if self._process is not None:
            self._retire_by = time.monotonic() + _LONGEST_RETIREMENT_S
            signal.pidfd_send_signal(self._pidfd, signal.SIGUSR1)

    @property
    def is_retired_too_long(self) -> bool:
        """Whether it still runs long after it was asked to retire."""
        return self.is_running and time.monotonic() >= self._retire_by

    def leave(self, within_s: float) -> None:
        """Ask the process to end, once: a second SIGTERM would cut off what it still finishes."""
        if self._process is not None and self._leave_by == math.inf:
            self._leave_by = time.monotonic() + within_s
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)

    def kill_if_overdue(self) -> bool:
        """Kill the process if it was asked to leave and has not done so in time; whether it came to that."""
        if self._process is None or time.monotonic() < self._leave_by:
            return False
        self._leave_by = math.inf
        signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        return True
