"""What is raced for, by whom, how often and with how much."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

import attrs

from bench.objects import Kind

_LEAST_OBJECTS = 4


class Contestant(Protocol):
    """What contests and the command line must know of everybody that takes part."""

    @property
    def name(self) -> str:
        """By which it is asked for."""
        ...

    def missing(self) -> str:
        """The program that is not installed, if one is missing."""
        ...


AnyContestant = TypeVar("AnyContestant", bound=Contestant)
Item = TypeVar("Item")


def _say_nothing(text: str) -> None:
    del text


@attrs.frozen(kw_only=True)
class Plan:
    """One run of the bench.

    Attributes
    ----------
    contestants
        Names of those that take part; everybody if empty.
    counts
        How many objects of each kind make a run.
    large_mib
        The size of the one large object.
    most_rows
        How many rows the queue has at most, where growth is measured.
    most_objects
        How many objects the router is given in all, where the size of a study is measured.
    tell
        Called with what a person should know while it runs.
    """

    contestants: frozenset[str] = frozenset()
    rounds: int
    counts: Mapping[Kind, int]
    large_mib: int = 1024
    most_rows: int = 1_000_000
    most_objects: int = 4000
    tell: Callable[[str], None] = _say_nothing

    def includes(self, name: str) -> bool:
        """Whether it was asked for."""
        return not self.contestants or name in self.contestants

    def who_can(self, contestants: Sequence[AnyContestant]) -> list[AnyContestant]:
        """Those who were asked for and can run; says what the others need."""
        asked = [one for one in contestants if self.includes(one.name)]
        for one in asked:
            if one.missing():
                self.tell(f"left out: {one.name} needs {one.missing()}")
        return [one for one in asked if not one.missing()]

    def count(self, kind: Kind, share: float = 1.0) -> int:
        """How many objects of a kind make a run of somebody; the slow get a share of what the others get."""
        return max(_LEAST_OBJECTS, round(self.counts[kind] * share))


def in_turn(items: Sequence[Item], number: int) -> list[Item]:
    """The same, beginning with another in each round, so that nobody always runs after the same one."""
    if not items:
        return []
    first = number % len(items)
    return [*items[first:], *items[:first]]
