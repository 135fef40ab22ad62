"""The time of day, passed in wherever it matters, so that tests can set it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


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
