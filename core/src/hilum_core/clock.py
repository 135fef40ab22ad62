"""The time of day, passed in wherever it matters, so that tests can set it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ADJUSTMENT = timedelta(seconds=2)
"""By no more at once a clock is adjusted, not set."""
_AT_ONCE_S = 0.5


class Clock(Protocol):
    """Tells the time; aware UTC."""

    def now(self) -> datetime:
        """The time now."""
        ...


class SystemClock:
    """The machine's clock. It may step back: nothing may rely on its order (see `ObjectIds`)."""

    def now(self) -> datetime:
        """The time now."""
        return datetime.now(UTC)


class SteadyClock:
    """The time of day as the monotonic clock carries it on: it jumps at a `look`, and nowhere else.

    So whoever keeps times of it can move them along by what `look` returns: a clock that is set, or a machine
    that slept, shortens and lengthens no time of waiting.
    """

    def __init__(self, clock: Clock | None = None, elapsed_s: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock or SystemClock()
        self._elapsed_s = elapsed_s
        self._time, self._elapsed_then_s = self._clock.now(), elapsed_s()

    def now(self) -> datetime:
        """The time of the last look, and what has passed since."""
        return self._time + timedelta(seconds=self._elapsed_s() - self._elapsed_then_s)

    def look(self) -> timedelta:
        """Follow the clock that is carried on.

        Returns
        -------
        By how much it was set since the last look; zero where it was only adjusted, by little at a time.
        """
        began_s = self._elapsed_s()
        time_of_day = self._clock.now()
        elapsed_s = self._elapsed_s()
        if (
            elapsed_s - began_s > _AT_ONCE_S
        ):  # we were kept waiting in between: the two do not belong together
            return timedelta(0)
        step = time_of_day - self._time - timedelta(seconds=elapsed_s - self._elapsed_then_s)
        self._time, self._elapsed_then_s = time_of_day, elapsed_s
        return step if abs(step) > _ADJUSTMENT else timedelta(0)


class ManualClock:
    """A clock that stands until it is moved: for tests and for the conformance suites."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock; a negative `by` is a clock that steps back."""
        self._now += by


def microseconds(at: datetime) -> int:
    """Whole microseconds since 1970: how times are kept on disk, exact and in order."""
    return (at - EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """The inverse of `microseconds`."""
    return EPOCH + timedelta(microseconds=value)
