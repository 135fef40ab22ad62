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
    """One run of one contestant.

    Attributes
    ----------
    is_durable
        Whether what was answered was on stable storage; None where nothing is kept.
    cpu_s
        What the contestant used, not who feeds it.
    peak_mib
        The most memory that any of its processes had, where that was looked at.
    """

    case: Case
    contestant: str
    words: str
    is_durable: bool | None
    objects: int
    took_s: float
    cpu_s: float
    arrived: Arrived
    peak_mib: float | None = None

    @property
    def rate(self) -> float:
        """Objects a second."""
        return self.objects / self.took_s


@attrs.frozen(kw_only=True)
class Summary:
    """The runs of one contestant in one case.

    Attributes
    ----------
    hilum_ratio
        Hilum's median rate over this one's, if Hilum ran: above 1 Hilum is faster.
    """

    case: Case
    contestant: str
    words: str
    is_durable: bool | None
    rounds: int
    objects: int
    median_rate: float
    lowest_rate: float
    highest_rate: float
    cpu_ms: float
    hilum_ratio: float | None
    peak_mib: float | None
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
        objects=first.objects,
        median_rate=median(rates),
        lowest_rate=min(rates),
        highest_rate=max(rates),
        # All rounds together: the kernel counts CPU in ticks of 10 ms, too coarse for one short run.
        cpu_ms=1000 * sum(run.cpu_s for run in runs) / sum(run.objects for run in runs),
        hilum_ratio=baseline / median(rates) if baseline else None,
        peak_mib=max((run.peak_mib for run in runs if run.peak_mib is not None), default=None),
        expected=sum(run.arrived.expected for run in runs),
        exact=sum(run.arrived.exact for run in runs),
    )
