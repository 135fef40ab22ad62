"""Says in the log, once a day, which certificates expire soon or have expired."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from hilum_core.config import Config
from hilum_core.credentials import certificate_files, expiry
from hilum_core.log import Log

_EVERY_S: Final = 24 * 3600.0


class ExpiryWatch:
    """Looks at the first call, and then once a day. A file that cannot be read has nothing to say."""

    def __init__(self, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._looked_at = -math.inf

    def look_if_due(self, config: Config) -> None:
        """Look at the certificates of a config, unless that has been done today."""
        if self._clock() < self._looked_at + _EVERY_S:
            return
        self._looked_at = self._clock()
        now = datetime.now(UTC)
        for where, file in certificate_files(config.router, config.peers):
            found = expiry(where, file, now)
            for fault in found.faults:
                self._log.error("a certificate is not valid", where=fault.path, what=fault.text)
            for note in found.notes:
                self._log.warning("a certificate expires soon", where=note.path, what=note.text)
