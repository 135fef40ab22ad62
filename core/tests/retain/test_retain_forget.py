"""A pass over the records every hour, in short steps, and none where they are kept for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.clock import ManualClock
from hilum_core.queue import SqliteQueue
from hilum_core.queue.records import LaneStatus
from hilum_core.retain import forget as module
from hilum_core.retain.forget import RecordKeeper
from hilum_core.retain.shown import SHOWN_TIMES_FILE, ShownTimes

KEEP = timedelta(days=30)
HOUR = timedelta(hours=1)


class Site:
    """A queue, its keeper and the times shown, with a ledger that is added to."""

    def __init__(self, root, keep):
        self.clock = ManualClock()
        self.elapsed_s = 0.0
        self.queue = SqliteQueue.open(root / "queue.sqlite", 1, self.clock)
        self.shown = ShownTimes.read(root / SHOWN_TIMES_FILE, self.clock.now(), lambda: self.elapsed_s)
        self.keeper = RecordKeeper(self.queue, keep, lambda: self.elapsed_s)

    def work(self, time):
        for _ in range(time // HOUR):
            self.clock.advance(HOUR)
            self.elapsed_s += HOUR.total_seconds()
            self.shown.note(self.clock.now())

    def set(self, by):
        self.clock.advance(by)
        self.shown.note(self.clock.now())

    def add(self, number):
        for index in range(number):
            lane = LaneStatus(sink=f"s{index}", state="resting", reason="x", since=self.clock.now())
            self.queue.set_lane(lane, tell=True)

    def one_pass(self):
        removed = []
        while (number := self.keeper.go_on(self.shown.within)) is not None:
            removed.append(number)
        return removed

    def lines(self):
        return len(self.queue.events(0, 1000))


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path, KEEP)
    yield made
    made.queue.close()


def test_a_pass_goes_by_steps_and_the_next_one_is_due_after_an_hour(site, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    site.add(5)
    site.work(KEEP + HOUR)
    site.add(1)
    assert sum(site.one_pass()) == 5
    assert site.lines() == 1
    site.work(KEEP + HOUR)
    site.add(1)
    assert site.one_pass()[-1:] == [1]
    assert site.one_pass() == []


def test_records_are_kept_for_as_much_work_as_the_config_says_though_the_clock_is_set(site):
    site.add(3)
    site.work(HOUR)
    site.set(timedelta(days=7300))
    site.add(1)
    site.work(KEEP - 2 * HOUR)
    assert sum(site.one_pass()) == 0
    site.work(3 * HOUR)
    assert sum(site.one_pass()) == 3
    assert site.lines() == 1


def test_without_a_time_to_keep_records_stay_for_ever(tmp_path):
    site = Site(tmp_path, None)
    site.add(3)
    site.work(10 * KEEP)
    site.add(1)
    assert site.one_pass() == []
    assert site.lines() == 4
    site.queue.close()
