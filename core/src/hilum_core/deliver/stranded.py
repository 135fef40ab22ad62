"""Holds what is on the way for what the config has no more, before any lane begins.

Not with a config that has a fault: what looks gone may be misspelt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

from hilum_core.config import Config
from hilum_core.log import get_logger
from hilum_core.queue import QueueStore
from hilum_core.queue.records import Inventory

_AT_ONCE = 500
_SEE_EVERY_S = 5.0


class Stranded:
    """Looks before the first lane begins, and again when a ROUTE has ended that was alive then.

    ROUTE of the revision before this may go on for as long as that gave it, and decides by that.

    Parameters
    ----------
    routers
        The incarnations of ROUTE that are alive now.
    """

    def __init__(self, queue: QueueStore, config: Config, routers: Callable[[], set[int]]) -> None:
        self._queue = queue
        self._inventory = inventory_of(config)
        self._routers = routers
        self._log = get_logger("deliver")
        self._alive = routers()
        self._see_at = time.monotonic() + _SEE_EVERY_S
        self._must_look = True
        self._left: list[tuple[int, str]] = []
        self._held = 0

    def hold_some(self) -> bool:
        """Hold a bounded number; whether there are more, for which lanes wait."""
        self._see_who_has_ended()
        if self._must_look and not self._left:
            self._left = list(self._queue.find_stranded(self._inventory))
            self._must_look = False  # only now: where the queue cannot be read, no lane may begin
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

    def _see_who_has_ended(self) -> None:
        if time.monotonic() < self._see_at:
            return
        self._see_at = time.monotonic() + _SEE_EVERY_S
        with suppress(OSError):  # no descriptor is left for it: the next time will do
            alive = self._routers()
            self._must_look |= bool(self._alive - alive)
            self._alive = alive


def inventory_of(config: Config) -> Inventory:
    """What a config without fault has by name."""
    return Inventory(
        sinks=frozenset(config.sinks),
        routes=frozenset(route.name for route in config.routes),
        transforms=frozenset(config.transforms),
    )
