"""How long an acceptor waits for a peer: a rule that holds no place for ever and cuts off no thin line."""

from __future__ import annotations

from typing import Final

PROGRESS_BYTES: Final = 512
"""What must come within the time of patience. The smallest segment that TCP may be limited to carries 536
bytes (RFC 9293 3.7.1), so a line that gets one full segment through in that time is let be, however thin; a
peer that sends a byte now and then is not."""


class Patience:
    """The time that is left for a peer to get on with its message.

    Only the time spent waiting for it counts, not what we take to write what came. It begins anew with each
    message, and within one whenever `PROGRESS_BYTES` have come.

    Parameters
    ----------
    seconds
        How long it lasts.
    """

    __slots__ = ("_came", "_seconds", "left_s")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._came = 0
        self.left_s = seconds

    def renew(self) -> None:
        """Begin anew."""
        self._came = 0
        self.left_s = self._seconds

    def waited(self, seconds: float, came_bytes: int) -> None:
        """Count what was waited, and what came."""
        self._came += came_bytes
        self.left_s -= seconds
        if self._came >= PROGRESS_BYTES:
            self.renew()
