"""How often what fails is tried again, and when it is given up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hilum_core.queue.records import Failure
from hilum_core.workers.failures import DEFECT, PERMANENT, TEMPORARY, TIME_LIMIT
from hilum_core.workers.patience import Patience, is_poison

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = Patience(first_retry=timedelta(seconds=1))
LONG = timedelta(days=14)


@pytest.mark.parametrize(
    ("kind", "attempt", "after", "is_last"),
    [
        (DEFECT, 9, LONG, False),
        (DEFECT, 10, timedelta(0), True),
        (TIME_LIMIT, 9, LONG, False),
        (TIME_LIMIT, 10, timedelta(0), True),
        (PERMANENT, 1, timedelta(0), True),
        (TEMPORARY, 100_000, LONG, False),
        (TEMPORARY, 2, LONG + timedelta(seconds=1), True),
    ],
)
def test_a_defect_is_tried_ten_times_and_what_may_mend_itself_for_two_weeks(kind, attempt, after, is_last):
    failure = Failure(text="x", kind=kind)
    assert PATIENCE.is_exhausted(failure, attempt=attempt, since=NOW - after, now=NOW) is is_last


def test_the_fifth_death_is_the_last():
    assert [is_poison(deaths_before) for deaths_before in range(6)] == [False] * 4 + [True] * 2
