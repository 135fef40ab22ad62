"""The figures to reach, and whether they were: worked out from the summaries of one run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import attrs

from bench import growing
from bench.contestants.hilum import HILUM
from bench.contestants.routers import PASS_ON
from bench.contests import fan_out, header, large, nagle, receive, route, scale, send, siege
from bench.measure import Case, Summary
from bench.objects import CT, KINDS, SMALL


@attrs.frozen(kw_only=True)
class Outcome:
    """A goal and what was measured. ``is_least`` says whether the bound is the least or the most allowed."""

    words: str
    bound: float
    unit: str
    is_least: bool
    measured: float

    @property
    def is_reached(self) -> bool:
        """Whether it was."""
        return self.measured >= self.bound if self.is_least else self.measured < self.bound

    @property
    def asked(self) -> str:
        """The bound, for people."""
        return f"{'at least' if self.is_least else 'below'} {self.bound:g} {self.unit}"

    @property
    def measured_words(self) -> str:
        """What was measured, for people."""
        return f"{self.measured:.3g} {self.unit}"


class Goal(ABC):
    """A figure that Hilum is to reach."""

    @abstractmethod
    def judge(self, summaries: Sequence[Summary]) -> Outcome | None:
        """Look whether it is; None if it was not measured."""


@attrs.frozen(kw_only=True)
class Ahead(Goal):
    """Hilum's rate over another's in one case."""

    case: Case
    other: str
    at_least: float

    def judge(self, summaries: Sequence[Summary]) -> Outcome | None:
        """Take the ratio of medians."""
        found = _find(summaries, self.case, self.other)
        if found is None or found.hilum_ratio is None:
            return None
        case = self.case
        lanes = f", {case.associations} at a time" if case.contest == receive.CONTEST else ""
        return Outcome(
            words=f"{case.contest}, {case.kind}{lanes}: against {found.words}",
            bound=self.at_least,
            unit="x",
            is_least=True,
            measured=found.hilum_ratio,
        )


@attrs.frozen(kw_only=True)
class Kept(Goal):
    """Hilum's rate in a hard case over its rate in an easy one."""

    hard: Case
    easy: Case
    at_least: float

    def judge(self, summaries: Sequence[Summary]) -> Outcome | None:
        """Take the ratio of medians."""
        hard, easy = _find(summaries, self.hard, HILUM), _find(summaries, self.easy, HILUM)
        if hard is None or easy is None:
            return None
        lanes = f", {self.hard.associations} at a time" if self.hard.associations > 1 else ""
        return Outcome(
            words=f"{self.hard.contest}: {self.hard.kind}{lanes}, against {self.easy.kind}",
            bound=self.at_least,
            unit="x",
            is_least=True,
            measured=hard.median_rate / easy.median_rate,
        )


@attrs.frozen(kw_only=True)
class Lean(Goal):
    """The most memory that any process of Hilum has in a contest."""

    contest: str
    below_mib: float

    def judge(self, summaries: Sequence[Summary]) -> Outcome | None:
        """Take the greatest."""
        peaks = [
            one.peak_mib
            for one in summaries
            if one.case.contest == self.contest and one.contestant == HILUM and one.peak_mib is not None
        ]
        if not peaks:
            return None
        return Outcome(
            words=f"{self.contest}: the greatest process",
            bound=self.below_mib,
            unit="MiB",
            is_least=False,
            measured=max(peaks),
        )


@attrs.frozen(kw_only=True)
class Prompt(Goal):
    """The seconds that a case takes Hilum."""

    case: Case
    below_s: float

    def judge(self, summaries: Sequence[Summary]) -> Outcome | None:
        """Take the slowest round."""
        found = _find(summaries, self.case, HILUM)
        if found is None:
            return None
        return Outcome(
            words=f"{self.case.contest}: {self.case.kind}",
            bound=self.below_s,
            unit="s",
            is_least=False,
            measured=found.objects / found.lowest_rate,
        )


def judge(summaries: Sequence[Summary]) -> list[Outcome]:
    """Judge every goal that this run measured."""
    outcomes = (goal.judge(summaries) for goal in _goals())
    return [outcome for outcome in outcomes if outcome is not None]


def _goals() -> Iterator[Goal]:
    yield from _receive_goals()
    yield Ahead(case=nagle.CASE, other="storescp", at_least=30)
    for kind in KINDS:
        yield Ahead(case=_case(send.CONTEST, kind.words), other="dcmsend", at_least=1.3)
    for kind, at_least in ((CT, 6), (SMALL, 20)):
        case = route.case_of(kind, PASS_ON)
        for other in ("orthanc", "orthanc-nagle"):
            yield Ahead(case=case, other=other, at_least=at_least)
    for spread in fan_out.WITH_ILL:
        for kind in KINDS:
            easy = fan_out.case_of(kind, fan_out.WITHOUT_ILL)
            yield Kept(hard=fan_out.case_of(kind, spread), easy=easy, at_least=0.9)
    for kind in KINDS:
        besieged, alone = (siege.case_of(kind, one) for one in (siege.BESIEGED, siege.ALONE))
        yield Kept(hard=besieged, easy=alone, at_least=0.8)
    for studies in scale.STUDIES:
        first, last = (scale.case_of(studies, part) for part in (scale.FIRST, scale.LAST))
        yield Kept(hard=last, easy=first, at_least=0.9)
    yield from _growth_goals()
    yield Lean(contest=large.CONTEST, below_mib=150)
    yield Ahead(case=header.CASE, other=header.COPY, at_least=0.5)
    yield Lean(contest=header.CONTEST, below_mib=150)


def _receive_goals() -> Iterator[Goal]:
    against = {
        1: {"storescp": 0.75, "storescp+B": 0.6, "orthanc": 3, "pynetdicom": 5},
        4: {"storescp": 1.2, "storescp+B": 1.0, "storescp--fork+B": 0.7, "orthanc": 3, "pynetdicom": 5},
    }
    for associations, others in against.items():
        for kind in KINDS:
            for other, at_least in others.items():
                case = _case(receive.CONTEST, kind.words, associations)
                yield Ahead(case=case, other=other, at_least=at_least)
    for kind, associations, at_least in ((CT, 1, 0.7), (CT, 4, 0.7), (SMALL, 4, 0.6)):
        case = _case(receive.CONTEST, kind.words, associations)
        yield Ahead(case=case, other="floor", at_least=at_least)


def _growth_goals() -> Iterator[Goal]:
    few, many = growing.ROWS[0], growing.ROWS[-1]
    for what, associations in ((growing.RECEIVE, 1), (growing.RECEIVE, 4), (growing.CLAIM, 1)):
        hard = growing.case_of(what, many, associations)
        yield Kept(hard=hard, easy=growing.case_of(what, few, associations), at_least=0.9)
    yield Prompt(case=growing.case_of(growing.START_UP, many), below_s=5)


def _case(contest: str, kind: str, associations: int = 1) -> Case:
    return Case(contest=contest, kind=kind, associations=associations)


def _find(summaries: Sequence[Summary], case: Case, contestant: str) -> Summary | None:
    return next((one for one in summaries if one.case == case and one.contestant == contestant), None)
