"""How a sender in Python tells what its work took, without the start of the interpreter."""

from __future__ import annotations

import time

import attrs


@attrs.frozen(kw_only=True)
class Used:
    """Seconds by the clock and of CPU."""

    took_s: float
    cpu_s: float

    def __str__(self) -> str:
        return f"{self.took_s} {self.cpu_s}"

    @classmethod
    def parse(cls, text: str) -> Used:
        """Read what `str` writes."""
        took_s, cpu_s = map(float, text.split())
        return cls(took_s=took_s, cpu_s=cpu_s)


class Stopwatch:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._cpu_before = time.process_time()

    def read(self) -> Used:
        """What has been used since."""
        return Used(took_s=time.perf_counter() - self._started, cpu_s=time.process_time() - self._cpu_before)
