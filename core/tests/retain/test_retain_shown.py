"""The times to keep: what the clock has shown within so much work, whatever was done to it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.clock import ManualClock
from hilum_core.retain.shown import SHOWN_TIMES_FILE, ShownTimes

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
KEEP = 7 * DAY


class Site:
    """A machine with a monotonic clock and one that people set."""

    def __init__(self, folder):
        self.path = folder / SHOWN_TIMES_FILE
        self.clock = ManualClock()
        self.elapsed_s = 0.0
        self.start()

    def start(self):
        self.shown = ShownTimes.read(self.path, self.clock.now(), lambda: self.elapsed_s)
        self.shown.note(self.clock.now())

    def work(self, time, every=HOUR):
        for _ in range(time // every):
            self.clock.advance(every)
            self.elapsed_s += every.total_seconds()
            self.shown.note(self.clock.now())

    def set(self, by):
        self.clock.advance(by)
        self.shown.note(self.clock.now())

    def is_kept(self, settled_at):
        span = self.shown.within(KEEP)
        return span.first <= settled_at <= span.last


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_clock_that_nobody_sets_is_believed(site):
    now = site.clock.now()
    assert site.is_kept(now - KEEP + MINUTE)
    assert not site.is_kept(now - KEEP - MINUTE)
    site.work(3 * DAY)
    assert site.is_kept(now - 4 * DAY + MINUTE)
    assert not site.is_kept(now - 4 * DAY - MINUTE)


@pytest.mark.parametrize("step", [-7300 * DAY, -20 * DAY, -DAY, -HOUR, HOUR, DAY, 20 * DAY, 7300 * DAY])
@pytest.mark.parametrize("restarts", [False, True])
def test_an_object_is_kept_for_as_much_work_as_the_config_says_and_then_not(site, step, restarts):
    site.work(30 * DAY)
    old = site.clock.now() - 8 * DAY
    settled_at = site.clock.now()
    site.work(DAY)
    site.set(step)
    if restarts:
        site.start()
    settled_after = site.clock.now()
    site.work(5 * DAY)
    assert site.is_kept(settled_at)
    assert site.is_kept(settled_after)
    # Where the clock went back by little, it has shown the old times again: what is as old goes with those.
    site.work(3 * DAY + (abs(step) if abs(step) <= DAY else timedelta(0)))
    assert not site.is_kept(old)
    assert not site.is_kept(settled_at)
    assert not site.is_kept(settled_after)


def test_a_clock_that_is_set_there_and_back_keeps_and_removes_what_it_should(site):
    site.work(30 * DAY)
    before = site.clock.now()
    site.set(7300 * DAY)
    ahead = site.clock.now()
    site.work(HOUR)
    site.set(-7300 * DAY)
    assert site.is_kept(before)
    assert site.is_kept(ahead)
    site.work(KEEP + 2 * HOUR)
    assert not site.is_kept(before)
    assert not site.is_kept(ahead)


def test_the_time_in_which_nobody_worked_does_not_count(site):
    site.work(30 * DAY)
    settled_at = site.clock.now()
    site.clock.advance(100 * DAY)
    site.start()
    assert site.is_kept(settled_at)
    site.work(KEEP + HOUR)
    assert not site.is_kept(settled_at)


@pytest.mark.parametrize("text", ["", "{}", "[]", "[7]", '[{"first_us": "?"}]', '{"a": [1]}', "null"])
def test_what_is_no_list_of_stretches_is_as_good_as_none(tmp_path, text):
    (tmp_path / SHOWN_TIMES_FILE).write_text(text)
    site = Site(tmp_path)
    assert site.is_kept(site.clock.now() - KEEP + MINUTE)
    assert not site.is_kept(site.clock.now() - KEEP - MINUTE)


def test_a_thousand_restarts_forget_nothing(site):
    settled_at = site.clock.now()
    for _ in range(1000):
        site.work(MINUTE, every=MINUTE)
        site.start()
    assert site.is_kept(settled_at)
    assert site.path.stat().st_size < 50_000
