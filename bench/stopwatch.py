"""How a sender in Python tells what it has done, and what that took without the start of the interpreter."""

from __future__ import annotations

import time

import attrs


@attrs.frozen(kw_only=True)
class Used:
    """Seconds by the clock and of CPU, and how many objects were answered with success."""

    took_s: float
    cpu_s: float
    stored: int

    def __str__(self) -> str:
        return f"{self.took_s} {self.cpu_s} {self.stored}"

    @classmethod
    def parse(cls, text: str) -> Used:
        """Read what `str` writes."""
        took_s, cpu_s, stored = text.split()
        return cls(took_s=float(took_s), cpu_s=float(cpu_s), stored=int(stored))


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._cpu_before = time.process_time()

    def read(self, stored: int) -> Used:
        """What has been used since."""
        return Used(
            took_s=time.perf_counter() - self._started,
            cpu_s=time.process_time() - self._cpu_before,
            stored=stored,
        )
