"""Which times the clock has shown while the router worked: the age of objects, whatever the clock does.

A row says by the clock of that day when its object was settled. Where the clock was set since, now less
that is not its age. But what was settled within the last day of work was settled at a time that the clock
has shown within the last day of work: the times shown, from the earliest to the latest, are those to keep.

The times shown are a few *stretches* in which the clock went on evenly; work is counted by the monotonic
clock. Both are kept over restarts. Where the file is lost, the clock is believed as it stands.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import attrs

from hilum_core.clock import from_microseconds, microseconds
from hilum_core.incarnation import PRIVATE_FILE

SHOWN_TIMES_FILE = "clock.json"
_EVEN_US = 2_000_000
"""By no more at once a clock is adjusted, not set."""
_SECOND_US = 1_000_000
_STORE_EVERY_S = 60.0
_NOT_STORED_US = 120 * _SECOND_US
"""So much of the last stretch of a process that died may be missing."""
_MOST = 200
"""Stretches; beyond that the two oldest become one."""


@attrs.frozen(kw_only=True)
class Span:
    """Times from the first to the last."""

    first: datetime
    last: datetime


@attrs.frozen(kw_only=True)
class Stretch:
    """The clock went on evenly from one time to another; `worked_us` was the work done at its end."""

    first_us: int
    last_us: int
    worked_us: int


class ShownTimes:
    """Keeps the stretches of one state directory."""

    def __init__(
        self, path: Path, stretches: Sequence[Stretch], elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._stretches = list(stretches)
        self._elapsed_s = elapsed_s
        self._elapsed_then_s = elapsed_s()
        self._stored_s = float("-inf")
        self._begins = True

    @classmethod
    def read(cls, path: Path, now: datetime, elapsed_s: Callable[[], float] = time.monotonic) -> ShownTimes:
        """Read what an earlier process kept; without it, all time up to now is one stretch."""
        stretches = [Stretch(first_us=0, last_us=microseconds(now), worked_us=microseconds(now))]
        with suppress(OSError, ValueError, TypeError, AttributeError):
            kept = json.loads(path.read_text(encoding="utf-8"))
            stretches = [
                Stretch(**{key: int(value) for key, value in one.items()}) for one in kept
            ] or stretches
        return cls(path, stretches, elapsed_s)

    def note(self, now: datetime) -> None:
        """Take in what the clock shows now; to be called now and then."""
        elapsed_s, now_us = self._elapsed_s(), microseconds(now)
        passed_us = round((elapsed_s - self._elapsed_then_s) * _SECOND_US)
        self._elapsed_then_s = elapsed_s
        last = self._stretches[-1]
        worked_us = last.worked_us + passed_us
        is_even = abs(now_us - last.last_us - passed_us) <= _EVEN_US
        if is_even and not self._begins:
            self._stretches[-1] = attrs.evolve(last, last_us=max(now_us, last.last_us), worked_us=worked_us)
        else:  # up to now the clock may have gone on as before, or as after
            self._stretches[-1] = attrs.evolve(last, last_us=last.last_us + passed_us, worked_us=worked_us)
            self._stretches.append(Stretch(first_us=now_us, last_us=now_us, worked_us=worked_us))
            self._stored_s = float("-inf")
        self._begins = False
        if elapsed_s - self._stored_s >= _STORE_EVERY_S:
            self._store()
            self._stored_s = elapsed_s

    def within(self, work: timedelta) -> Span:
        """The earliest and the latest time that the clock has shown within the last so much work."""
        since_us = self._stretches[-1].worked_us - work // timedelta(microseconds=1)
        recent = [stretch for stretch in self._stretches if stretch.worked_us >= since_us]
        first_us = min(max(one.first_us, one.last_us - (one.worked_us - since_us)) for one in recent)
        return Span(
            first=from_microseconds(max(0, first_us)),
            last=from_microseconds(max(one.last_us for one in recent) + _NOT_STORED_US),
        )

    def _store(self) -> None:
        while len(self._stretches) > _MOST:
            self._stretches[:2] = [_joined(*self._stretches[:2])]
        beside = self._path.with_suffix(".new")
        with suppress(OSError):  # a full disk: the next time
            beside.touch(PRIVATE_FILE)
            beside.write_text(json.dumps([attrs.asdict(one) for one in self._stretches]), encoding="utf-8")
            beside.rename(self._path)


def _joined(older: Stretch, newer: Stretch) -> Stretch:
    return Stretch(
        first_us=min(older.first_us, newer.first_us),
        last_us=max(older.last_us, newer.last_us),
        worked_us=newer.worked_us,
    )
