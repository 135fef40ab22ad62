"""What one run gives, and what many runs of the same come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

import attrs

from bench.arrivals import Arrived


@attrs.frozen(kw_only=True)
class Case:
    """What was raced for: the contest, the kind of object, how many associations at a time."""

    contest: str
    kind: str
    associations: int


@attrs.frozen(kw_only=True)
class Run:
    """One run of one contestant. ``cpu_s`` is what the contestant used, not who feeds it.

    ``is_durable``: whether what was answered was on stable storage; None where nothing is kept.
    """

    case: Case
    contestant: str
    words: str
    is_durable: bool | None
    objects: int
    took_s: float
    cpu_s: float
    arrived: Arrived

    @property
    def rate(self) -> float:
        """Objects a second."""
        return self.objects / self.took_s


@attrs.frozen(kw_only=True)
class Summary:
    """The runs of one contestant in one case. ``ratio`` is its median rate over Hilum's, if Hilum ran."""

    case: Case
    contestant: str
    words: str
    is_durable: bool | None
    rounds: int
    median_rate: float
    lowest_rate: float
    highest_rate: float
    cpu_ms: float
    ratio: float | None
    expected: int
    exact: int


def summarise(runs: Sequence[Run], *, baseline: str) -> list[Summary]:
    """Sum up runs by case and contestant, in the order in which they first came."""
    groups: dict[tuple[Case, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.case, run.contestant), []).append(run)
    return [
        _summary(group, _median_rate(groups.get((case, baseline), ()))) for (case, _), group in groups.items()
    ]


def _median_rate(runs: Iterable[Run]) -> float | None:
    rates = [run.rate for run in runs]
    return median(rates) if rates else None


def _summary(runs: Sequence[Run], baseline: float | None) -> Summary:
    first = runs[0]
    rates = [run.rate for run in runs]
    return Summary(
        case=first.case,
        contestant=first.contestant,
        words=first.words,
        is_durable=first.is_durable,
        rounds=len(runs),
        median_rate=median(rates),
        lowest_rate=min(rates),
        highest_rate=max(rates),
        # All rounds together: the kernel counts CPU in ticks of 10 ms, too coarse for one short run.
        cpu_ms=1000 * sum(run.cpu_s for run in runs) / sum(run.objects for run in runs),
        ratio=median(rates) / baseline if baseline else None,
        expected=sum(run.arrived.expected for run in runs),
        exact=sum(run.arrived.exact for run in runs),
    )
