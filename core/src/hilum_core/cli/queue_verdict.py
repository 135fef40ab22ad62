"""The one line and the exit status that a monitoring system asks for, decided from the queue's figures.

The statuses are those of monitoring plugins everywhere: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from enum import IntEnum

import attrs

from hilum_core.cli.figures import age_since, age_words, count_words
from hilum_core.deliver.lane import TROUBLED
from hilum_core.queue.records import QueueStatus

_TROUBLED = frozenset(state.value for state in TROUBLED)


class Level(IntEnum):
    """How bad it is; the value is the exit status."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@attrs.frozen(kw_only=True)
class Limits:
    """Beyond these the queue is critical."""

    max_age: timedelta
    max_dead: int


@attrs.frozen(kw_only=True)
class Verdict:
    """The level, and the line to print."""

    level: Level
    line: str


def stranded(status: QueueStatus, configured: Collection[str] | None) -> Mapping[str, int]:
    """How many deliveries wait for each sink that the config has not: nobody will ever take them there."""
    return {
        one.sink: one.unfinished
        for one in status.sinks
        if configured is not None and one.sink not in configured and one.unfinished
    }


def judge(
    status: QueueStatus,
    limits: Limits,
    now: datetime,
    *,
    running: bool,
    configured: Collection[str] | None = None,
) -> Verdict:
    """Decide how the queue is.

    Critical: the router does not run, the oldest undelivered object is older than allowed, or more
    deliveries are dead than allowed. Warning: something is held, a lane rests, something waits for a
    sink that is not among those `configured`, or a problem waits for a person.
    """
    age = age_since(status.oldest_unfinished_at, now)
    dead, held = _count(status, "dead"), _count(status, "held") + status.objects.get("held", 0)
    critical = [] if running else ["the router does not run"]
    if age is not None and age > limits.max_age:
        critical.append(f"oldest undelivered {age_words(age)} > {age_words(limits.max_age)}")
    if dead > limits.max_dead:
        critical.append(f"{dead} dead > {limits.max_dead}")
    warning = [f"{held} held"] if held else []
    warning += [f"{one.sink} rests" for one in status.sinks if one.lane and one.lane.state in _TROUBLED]
    warning += [stranded_words(sink, number) for sink, number in stranded(status, configured).items()]
    warning += [f"{problem.label}: {problem.text}" for problem in status.problems]
    level = Level.CRITICAL if critical else Level.WARNING if warning else Level.OK
    words = "; ".join(critical + warning) or _good_words(status, age)
    return Verdict(
        level=level, line=f"HILUM {level.name} - {_one_line(words)} | {_figures(status, limits, age)}"
    )


def stranded_words(sink: str, number: int) -> str:
    """Say that deliveries wait for a sink that the config has not."""
    wait = "delivery waits" if number == 1 else "deliveries wait"
    return f"{number:,} {wait} for {sink}, a sink that the config has not"


def unknown(reason: str) -> Verdict:
    """Say that the queue could not be read."""
    return Verdict(level=Level.UNKNOWN, line=f"HILUM {Level.UNKNOWN.name} - {_one_line(reason)}")


def _count(status: QueueStatus, state: str) -> int:
    return sum(one.by_state.get(state, 0) for one in status.sinks)


def _good_words(status: QueueStatus, age: timedelta | None) -> str:
    waiting = sum(_count(status, state) for state in ("waiting", "unrendered", "ready", "leased"))
    if age is None:
        return "nothing undelivered"
    return f"{count_words(waiting, 'delivery', 'deliveries')} on the way, the oldest for {age_words(age)}"


def _figures(status: QueueStatus, limits: Limits, age: timedelta | None) -> str:
    """The performance data: ``label=value[unit];warning;critical;minimum``."""
    oldest = 0 if age is None else int(age.total_seconds())
    held = _count(status, "held") + status.objects.get("held", 0)
    return (
        f"oldest={oldest}s;;{int(limits.max_age.total_seconds())};0 "
        f"dead={_count(status, 'dead')};;{limits.max_dead};0 held={held};;;0 "
        f"ready={_count(status, 'ready')};;;0 leased={_count(status, 'leased')};;;0"
    )


def _one_line(words: str) -> str:
    # A bar would start the performance data.
    return " ".join(words.split()).replace("|", "/")
