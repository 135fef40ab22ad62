"""How a receiving process hears that another one takes its place."""

from __future__ import annotations

import signal
from types import FrameType


class Retirement:
    """Set by SIGUSR1, which the supervisor sends at a reload (main thread only)."""

    def __init__(self) -> None:
        self._is_wanted = False
        signal.signal(signal.SIGUSR1, self._on_signal)

    def __call__(self) -> bool:
        """Whether to take no more callers."""
        return self._is_wanted

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_wanted = True
