"""What is told of a lane: its rest and its end, and of one that flaps no more than twice as much."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hilum_core.deliver.lane import LaneState
from hilum_core.deliver.telling import LaneTeller, News

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND, STEADY = timedelta(seconds=1), timedelta(minutes=15)
WORKING, RESTING, TRIAL, BROKEN = LaneState.WORKING, LaneState.RESTING, LaneState.TRIAL, LaneState.BROKEN


@pytest.fixture
def told():
    """What is told of states a second apart; of (state, time), after that time."""

    def tell(teller, *states):
        now, news = NOW, []
        for state in states:
            what, wait = state if isinstance(state, tuple) else (state, SECOND)
            now += wait
            if said := teller.look(what, now):
                news.append(said)
        return news

    return tell


def test_a_lane_that_works_is_no_news(told):
    assert told(LaneTeller(STEADY), *[WORKING] * 10) == []


def test_a_rest_is_told_once_however_long_it_is_probed_and_tried(told):
    assert told(LaneTeller(STEADY), WORKING, *[RESTING, TRIAL] * 1000, WORKING, WORKING) == [
        News.RESTS,
        News.WORKS,
    ]


def test_two_rests_far_apart_are_two_pieces_of_news(told):
    once = [RESTING, WORKING, (WORKING, STEADY)]
    assert told(LaneTeller(STEADY), *once, *once) == [News.RESTS, News.WORKS] * 2


def test_a_lane_that_flaps_is_told_twice_and_then_when_it_has_worked_for_a_while(told):
    flaps = [RESTING, TRIAL, WORKING] * 1000
    teller = LaneTeller(STEADY)
    assert told(teller, *flaps) == [News.RESTS, News.WORKS, News.RESTS]
    later = NOW + timedelta(days=1)
    assert teller.look(RESTING, later) is None
    assert teller.look(WORKING, later) is None
    assert teller.look(WORKING, later + STEADY - SECOND) is None
    assert teller.look(WORKING, later + STEADY) is News.WORKS


def test_a_rest_that_a_process_before_told_of_is_told_to_be_over(told):
    assert told(LaneTeller(STEADY, told=True), RESTING, TRIAL, WORKING) == [News.WORKS]


def test_a_broken_plugin_is_another_matter(told):
    assert told(LaneTeller(STEADY), WORKING, BROKEN, WORKING) == []


def test_a_clock_that_is_set_makes_no_lane_steady():
    teller = LaneTeller(STEADY)
    for state in [RESTING, WORKING, RESTING, WORKING]:
        teller.look(state, NOW)
    teller.carry(timedelta(days=1))
    assert teller.look(WORKING, NOW + timedelta(days=1)) is None
