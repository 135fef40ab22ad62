"""What stands together in a table or in a panel of the plot."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from bench.measure import Case, Summary

_LEAST_WITHOUT_FRACTION = 100


@attrs.frozen(kw_only=True)
class Group:
    """Rows under a title, the fastest first; or, where Hilum is alone, one for each case of a contest."""

    title: str
    rows: Sequence[tuple[str, Summary]]


def group(summaries: Sequence[Summary]) -> list[Group]:
    """Put the summaries of a case together, in the order in which cases first came."""
    cases: dict[Case, list[Summary]] = {}
    for summary in summaries:
        cases.setdefault(summary.case, []).append(summary)
    groups: list[Group] = []
    alone: dict[str, list[Summary]] = {}
    for case, own in cases.items():
        if len(own) > 1:
            rows = [(one.words, one) for one in sorted(own, key=lambda one: -one.median_rate)]
            groups.append(Group(title=f"{case.contest}: {_words(case)}", rows=rows))
        else:
            alone.setdefault(case.contest, []).extend(own)
    for contest, some in alone.items():
        words = " and ".join(dict.fromkeys(one.words for one in some))
        groups.append(Group(title=f"{contest}: {words}", rows=[(_words(one.case), one) for one in some]))
    return groups


def speed(one: Summary, rate: float) -> str:
    """A rate for people: objects a second, or the seconds that the one object took."""
    if one.objects == 1:
        return f"{1 / rate:.3g} s"
    return f"{rate:,.0f}" if rate >= _LEAST_WITHOUT_FRACTION else f"{rate:.3g}"


def _words(case: Case) -> str:
    lanes = f", {case.associations} associations" if case.associations > 1 else ""
    return f"{case.kind}{lanes}"
