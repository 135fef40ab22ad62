"""When a process that ended is started again: soon, then later each time it lived only shortly."""

from __future__ import annotations

import time

FIRST_S = 0.2
LONGEST_S = 30.0
STEADY_S = 60.0


class RestartClock:
    """The clock of one process across its lives."""

    def __init__(self) -> None:
        self._pause_s = FIRST_S
        self._started_at = 0.0
        self._due_at = 0.0

    def started(self) -> None:
        """Note that a life begins."""
        self._started_at = time.monotonic()

    def ended(self, *, was_of_use: bool = False) -> float:
        """Note that it has ended; returns the seconds until the next may begin.

        A life that was long, or did some work, does not make the next one wait longer.
        """
        now = time.monotonic()
        steady = was_of_use or now - self._started_at > STEADY_S
        self._pause_s = FIRST_S if steady else min(self._pause_s * 2, LONGEST_S)
        self._due_at = now + self._pause_s
        return self._pause_s

    def due_in(self) -> float:
        """Seconds until a life may begin; 0 when it may."""
        return max(0.0, self._due_at - time.monotonic())
