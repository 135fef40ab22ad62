"""When a process that died is started again."""

from __future__ import annotations

from hilum_core.restarts import FIRST_S, LONGEST_S, RestartClock


def ends(clock, *, was_of_use=False):
    clock.started()
    return clock.ended(was_of_use=was_of_use)


def test_each_death_in_a_row_waits_longer_up_to_a_limit():
    clock = RestartClock()
    pauses = [ends(clock) for _ in range(12)]
    assert pauses[:3] == [2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert pauses[-1] == LONGEST_S


def test_a_life_that_did_some_work_is_followed_by_another_at_once():
    clock = RestartClock()
    for _ in range(5):
        ends(clock)
    assert ends(clock, was_of_use=True) == FIRST_S
    assert clock.due_in() <= FIRST_S
