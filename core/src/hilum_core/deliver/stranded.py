"""Holds what is on the way for what the config has no more, before any lane begins.

Not with a config that has a fault: what looks gone may be misspelt.
"""

from __future__ import annotations

import time

from hilum_core.config import Config
from hilum_core.log import get_logger
from hilum_core.queue import QueueStore
from hilum_core.queue.records import Inventory

_AT_ONCE = 500
_MARGIN_S = 15.0


class Stranded:
    """Looks when DELIVER starts, and once more when nobody can decide by an earlier config any more.

    Parameters
    ----------
    stop_within_s
        How long ROUTE of the revision before this may go on.
    """

    def __init__(self, queue: QueueStore, config: Config, stop_within_s: float) -> None:
        self._queue = queue
        self._inventory = inventory_of(config)
        self._log = get_logger("deliver")
        self._looks = [time.monotonic() + stop_within_s + _MARGIN_S, time.monotonic()]
        self._left: list[tuple[int, str]] = []
        self._held = 0

    def hold_some(self) -> bool:
        """Hold a bounded number; whether there are more, for which lanes wait."""
        if self._looks and time.monotonic() >= self._looks[-1]:
            self._looks.pop()
            self._left = list(self._queue.find_stranded(self._inventory))
        if not self._left:
            return False
        self._held += self._queue.hold_stranded(self._left[-_AT_ONCE:])
        del self._left[-_AT_ONCE:]
        if not self._left:
            self._log.warning(
                "deliveries are held: the config has no more what they are for", held=self._held
            )
            self._held = 0
        return bool(self._left)


def inventory_of(config: Config) -> Inventory:
    """What a config without fault has by name."""
    return Inventory(
        sinks=frozenset(config.sinks),
        routes=frozenset(route.name for route in config.routes),
        transforms=frozenset(config.transforms),
    )
