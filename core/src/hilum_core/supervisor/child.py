"""One stage process, across its deaths."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import attrs

from hilum_core.arguments import command_line
from hilum_core.restarts import RestartClock
from hilum_core.stage import StageArguments


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

    @property
    def is_running(self) -> bool:
        """Whether there is a process that was not collected yet."""
        return self._process is not None

    @property
    def may_start(self) -> bool:
        """Whether there is none, and nothing but time stands in the way of one."""
        return self._process is None and (self.after is None or not self.after.is_running)

    def fileno(self) -> int:
        """Readable when the process has ended."""
        return self._pidfd

    def start(self) -> None:
        """Start the process."""
        self._process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [sys.executable, "-m", self.module, *command_line(self.arguments)],
            stdin=subprocess.DEVNULL,
            pass_fds=self.arguments.inherited_fds(),
        )
        self._pidfd = os.pidfd_open(self._process.pid)
        self.clock.started()

    def collect(self) -> int:
        """The exit status of the process, which has ended; negative: by that signal."""
        assert self._process is not None
        code = self._process.wait()
        os.close(self._pidfd)
        self._process, self._pidfd = None, -1
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal, if there is one."""
        if self._process is not None:
            signal.pidfd_send_signal(self._pidfd, number)
