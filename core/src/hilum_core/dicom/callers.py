"""Who has a thread: callers that were admitted, and those that the first bytes did not decide.

The two do not take each other's places. The others, which speak something else than a request for an
association, give way to newer ones, first of all those of the address that has the most.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Hashable
from typing import Final

import attrs

from hilum_core.dicom.reception import Admission

_MOST_UNKNOWN: Final = 64
_LEAST_S: Final = 1.0
"""So long a caller has in any case to be answered."""


@attrs.define(eq=False)
class Caller:
    """One connection. ``thread`` serves it; ``admission`` and its ``place`` are set once it is admitted."""

    sock: socket.socket
    address: str
    connected_at: float = attrs.field(factory=time.monotonic)
    thread: threading.Thread = attrs.field(init=False)
    admission: Admission | None = attrs.field(default=None, init=False)
    place: Hashable | None = attrs.field(default=None, init=False)
    is_sent_away: bool = attrs.field(default=False, init=False)

    def send_away(self) -> None:
        """End the connection, whatever its thread is at."""
        self.is_sent_away = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Callers:
    """All callers of one accept loop. Any thread may ask."""

    def __init__(self, most_unknown: int = _MOST_UNKNOWN) -> None:
        self._most_unknown = most_unknown
        self._lock = threading.Lock()
        self._callers: set[Caller] = set()

    def __len__(self) -> int:
        with self._lock:
            return len(self._callers)

    def everybody(self) -> list[Caller]:
        """All that are here now."""
        with self._lock:
            return list(self._callers)

    def enter(self, caller: Caller) -> None:
        """Note a new caller."""
        with self._lock:
            self._callers.add(caller)

    def leave(self, caller: Caller) -> None:
        """Forget a caller that has gone."""
        with self._lock:
            self._callers.discard(caller)

    def make_room(self) -> bool:
        """Whether another unknown one may come; if need be, one that has been here for long is sent away."""
        with self._lock:
            unknown = [c for c in self._callers if not (c.admission or c.is_sent_away)]
        if len(unknown) < self._most_unknown:
            return True
        latest = time.monotonic() - _LEAST_S
        by_address = Counter(caller.address for caller in unknown)
        idle = [caller for caller in unknown if caller.connected_at <= latest]
        if idle:
            max(idle, key=lambda caller: (by_address[caller.address], -caller.connected_at)).send_away()
        return bool(idle)
