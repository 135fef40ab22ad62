"""Compares what was rendered before with what its chain is now, as far as the workers have told that.

Of a chain with a transform that is broken, or whose process has not begun, nothing is known: what was
rendered by it waits. The transform is named in the status.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from hilum_core.log import Log
from hilum_core.queue import QueueStore
from hilum_core.queue.records import Compared
from hilum_core.render.identity import chain_identity

_NOTHING = Compared(number=0, outdated=0)
_LOOK_EVERY_S = 1.0
_MOST_OF_THE_TIME = 0.05


class Comparison:
    """Looks at the renderings that wait, when a worker has told of its transforms, and then now and then.

    Now and then, because what a lane of before had in hand comes back later, and a person may bring up
    what was dead.
    """

    def __init__(self, queue: QueueStore, log: Log) -> None:
        self._queue = queue
        self._log = log
        self._identities: Mapping[str, str] | None = None
        self._unknown: frozenset[str] | None = None
        self._look_at = 0.0

    def learn(self, hello: Mapping[str, Any]) -> None:
        """Take in what a worker says of its transforms."""
        self._identities = hello["identities"]
        # With a config at fault a transform that it seems not to have may be misspelt.
        self._unknown = None if hello["is_faulty"] else frozenset(hello["unknown"])
        self._look_at = 0.0

    def go_on(self) -> Compared:
        """Compare a bounded number of renderings, if it is time."""
        began_at = time.monotonic()
        if self._identities is None or began_at < self._look_at:
            return _NOTHING
        for chain in self._queue.chains_to_compare():
            known, identity = self._identity_of(chain, self._identities)
            compared = self._queue.compare_renderings(chain, identity) if known else _NOTHING
            if compared.outdated:
                self._log.info("what was rendered is rendered anew", chain=chain, objects=compared.outdated)
            if compared.number:
                return compared
        took_s = time.monotonic() - began_at
        self._look_at = time.monotonic() + max(_LOOK_EVERY_S, took_s / _MOST_OF_THE_TIME)
        return _NOTHING

    def _identity_of(self, chain: tuple[str, ...], identities: Mapping[str, str]) -> tuple[bool, str | None]:
        """What the chain is now, if that is known; None of one that the config has no more.

        Such a one goes on only by the hand of a person, who has seen that: it goes as it was made.
        """
        missing = [name for name in chain if name not in identities]
        if not missing:
            return True, chain_identity(identities[name] for name in chain)
        if self._unknown is None or not self._unknown.isdisjoint(missing):
            return False, None
        return True, None
