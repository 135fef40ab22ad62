"""A clock that is carried on by the monotonic one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.clock import ManualClock, SteadyClock


class Machine:
    def __init__(self):
        self.clock = ManualClock()
        self.elapsed_s = 100.0
        self.steady = SteadyClock(self.clock, lambda: self.elapsed_s)

    def pass_s(self, seconds):
        self.elapsed_s += seconds
        self.clock.advance(timedelta(seconds=seconds))


@pytest.mark.parametrize("days", [-7300, -1, 1, 7300])
def test_it_jumps_at_a_look_only_and_says_by_how_much(days):
    machine = Machine()
    began = machine.steady.now()
    machine.pass_s(5)
    machine.clock.advance(timedelta(days=days))
    assert machine.steady.now() == began + timedelta(seconds=5)
    assert machine.steady.look() == timedelta(days=days)
    assert machine.steady.now() == machine.clock.now()
    assert machine.steady.look() == timedelta(0)


def test_a_slow_adjustment_is_followed_without_a_word():
    machine = Machine()
    for _ in range(100):
        machine.pass_s(1)
        machine.clock.advance(timedelta(milliseconds=500))
        assert machine.steady.look() == timedelta(0)
    assert machine.steady.now() == machine.clock.now()


def test_a_wait_between_the_two_clocks_is_no_step():
    machine = Machine()
    now = machine.clock.now

    def slow():
        at = now()
        machine.pass_s(60)
        return at

    machine.clock.now = slow
    assert machine.steady.look() == timedelta(0)
    machine.clock.now = now
    assert machine.steady.look() == timedelta(0)
    assert machine.steady.now() == machine.clock.now()
