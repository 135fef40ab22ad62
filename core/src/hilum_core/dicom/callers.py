"""Who is connected: callers that were admitted, and those that have not said yet who they are.

The two do not take each other's places. Anybody on the network can open connections and send nothing;
these give way to newer ones, first of all those of the address that has the most.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from typing import Final

import attrs

_MOST_UNKNOWN: Final = 64
_LEAST_S: Final = 1.0
"""So long a caller has in any case to send its request."""


@attrs.define(eq=False)
class Caller:
    """One connection. ``thread`` serves it; ``is_by_tls`` tells by which port it came."""

    sock: socket.socket
    address: str
    connected_at: float = attrs.field(factory=time.monotonic)
    thread: threading.Thread = attrs.field(init=False)
    is_by_tls: bool = attrs.field(default=False, init=False)
    is_admitted: bool = attrs.field(default=False, init=False)
    is_sent_away: bool = attrs.field(default=False, init=False)

    def send_away(self) -> None:
        """End the connection, whatever its thread is at."""
        self.is_sent_away = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Callers:
    """All connections of one accept loop. Any thread may ask."""

    def __init__(self, most_admitted: int, most_unknown: int = _MOST_UNKNOWN) -> None:
        self._most_admitted = most_admitted
        self._most_unknown = most_unknown
        self._lock = threading.Lock()
        self._callers: set[Caller] = set()

    def __len__(self) -> int:
        with self._lock:
            return len(self._callers)

    @property
    def may_be_full(self) -> bool:
        """Whether the next one is too many, if all that are here are admitted."""
        return len(self) >= self._most_admitted

    def everybody(self) -> list[Caller]:
        """All that are here now."""
        with self._lock:
            return list(self._callers)

    def enter(self, caller: Caller) -> None:
        """Note a new connection."""
        with self._lock:
            self._callers.add(caller)

    def leave(self, caller: Caller) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._callers.discard(caller)

    def admit(self, caller: Caller) -> bool:
        """Count a caller among the admitted, unless there are as many as may be; whether it was."""
        with self._lock:
            if sum(other.is_admitted for other in self._callers) >= self._most_admitted:
                return False
            caller.is_admitted = True
            return True

    def make_room(self) -> bool:
        """Whether another may connect; if need be, one that has waited long enough is sent away for it."""
        with self._lock:
            unknown = [c for c in self._callers if not (c.is_admitted or c.is_sent_away)]
        if len(unknown) < self._most_unknown:
            return True
        latest = time.monotonic() - _LEAST_S
        by_address = Counter(caller.address for caller in unknown)
        idle = [caller for caller in unknown if caller.connected_at <= latest]
        if idle:
            max(idle, key=lambda caller: (by_address[caller.address], -caller.connected_at)).send_away()
        return bool(idle)
