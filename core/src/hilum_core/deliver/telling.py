"""Which changes of a lane are told, in the log and in the ledger: few, however often it changes.

A rest is told when it begins, and that the lane works again when it does; probes and trials in between are
not. A lane that rests again before it has worked for a while *flaps*: that is told once more, and then not
until it has worked for that while.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum

from hilum_core.deliver.lane import TROUBLED, LaneState


class News(Enum):
    """What is to be told of a lane."""

    RESTS = "a lane rests"
    WORKS = "a lane works again"


class LaneTeller:
    """Watches one lane.

    Parameters
    ----------
    steady
        For how long a lane has to work after a rest to be taken for mended.
    told
        Whether a process before this one has told of a rest, and not of its end.
    """

    def __init__(self, steady: timedelta, *, told: bool = False) -> None:
        self._steady = steady
        self._told = told
        self._flaps = False
        self._works_since: datetime | None = None

    def look(self, state: LaneState, now: datetime) -> News | None:
        """Say what is to be told, if anything; asked at every change, and now and then."""
        if state in TROUBLED:
            return self._rests(now)
        if state is not LaneState.WORKING or not self._told:
            return None
        self._works_since = self._works_since or now
        if self._flaps and now - self._works_since < self._steady:
            return None
        self._told = False
        return News.WORKS

    def carry(self, by: timedelta) -> None:
        """Move its times along: the clock was set."""
        if self._works_since is not None:
            self._works_since += by

    def _rests(self, now: datetime) -> News | None:
        if self._told:
            self._works_since = None
            return None
        self._flaps = self._works_since is not None and now - self._works_since < self._steady
        self._told = True
        self._works_since = None
        return News.RESTS
