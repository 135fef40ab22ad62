"""Limits on what a plugin may use: time of one call, memory of its process, and its parent's life."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_PR_SET_PDEATHSIG = 1


class TimeLimitExceeded(BaseException):
    """A call took longer than it may. No `Exception`, so that a plugin's ``except`` does not swallow it."""


class CallTimer:
    """Interrupts a call of a plugin on the main thread when its time is up.

    What a signal cannot interrupt (a call into C that does not come back) is the coordinator's to end.
    """

    def __init__(self) -> None:
        signal.signal(signal.SIGALRM, self._on_alarm)
        self._pid = os.getpid()
        self._limit_s = 0.0
        self._shielded = False
        self._late = False

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Let the block take `seconds`, and as many again from each `beat`.

        A copy of this process that the block forked ends here: it has no business with our pipe.
        """
        self._limit_s = seconds
        self.beat()
        try:
            yield
        finally:
            if os.getpid() != self._pid:
                os._exit(0)
            self.pause()
            self._limit_s = 0.0

    def beat(self) -> None:
        """Start the time anew."""
        if self._limit_s:
            signal.setitimer(signal.ITIMER_REAL, self._limit_s)

    def pause(self) -> None:
        """Let the block wait without a limit, until the next `beat`."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Keep the block whole: a limit that ends within it interrupts only after it."""
        self._shielded = True
        try:
            yield
        finally:
            self._shielded = False
        if self._late:
            self._late = False
            raise TimeLimitExceeded

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        if self._shielded:
            self._late = True
        elif self._limit_s:  # else a thread of a plugin has beaten just as the call ended
            raise TimeLimitExceeded


def limit_memory(size_bytes: int) -> None:
    """Bound this process's address space: an allocation beyond it raises MemoryError."""
    resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel end this process when its parent's main thread ends, whatever we are doing then."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it died before we asked
        os._exit(0)
