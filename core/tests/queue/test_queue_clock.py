"""Times of the queue move along with a clock that is set: nothing waits shorter or longer for that."""

from __future__ import annotations

from datetime import timedelta

import pytest

STEPS = [timedelta(days=-7300), timedelta(days=-1), timedelta(hours=-1), timedelta(days=1)]


def uids(claimed):
    return [one.stored.instance.sop_instance_uid for one in claimed]


@pytest.mark.parametrize("step", STEPS)
def test_what_waits_waits_no_longer_for_a_clock_that_was_set(desk, clock, step):
    desk.receive("1")
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 10)
    began = claimed.first_attempt_at
    desk.queue.settle_deliveries([desk.put_back(claimed, in_s=60)])
    clock.advance(step)
    desk.queue.carry_times("deliver", step)
    if step < timedelta(0):
        assert desk.queue.claim_deliveries("pacs", 10) == []
    clock.advance(timedelta(seconds=61))
    (again,) = desk.queue.claim_deliveries("pacs", 10)
    assert again.first_attempt_at == began + step


@pytest.mark.parametrize("step", STEPS)
def test_objects_and_renderings_move_along_too(desk, clock, step):
    desk.receive("1")
    (claimed,) = desk.queue.claim_objects(10)
    desk.queue.settle_routings([desk.put_back(claimed, in_s=60)])
    clock.advance(step)
    desk.queue.carry_times("route", step)
    clock.advance(timedelta(seconds=61))
    (again,) = desk.queue.claim_objects(10)
    assert again.first_attempt_at == claimed.first_attempt_at + step
    desk.queue.settle_routings([desk.routed(again, "pacs", chain=("safe",))])
    (rendering,) = desk.queue.claim_renderings(10)
    desk.queue.carry_times("render", step)
    assert uids([rendering]) == ["1"]


def test_what_is_in_hand_moves_along_and_what_was_not_put_off_stays_due(desk, clock):
    desk.receive("1")
    desk.receive("2")
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    step = timedelta(days=20)
    clock.advance(step)
    desk.queue.carry_times("deliver", step)
    desk.queue.settle_deliveries([desk.put_back(claimed)])
    first, second = desk.queue.claim_deliveries("pacs", 10)
    assert (first.first_attempt_at, second.first_attempt_at) == (claimed.first_attempt_at + step, clock.now())


def test_a_dead_letter_does_not_move(desk, clock):
    desk.receive("1")
    desk.route("pacs")
    (dead,) = desk.kill()
    before = desk.queue.history(dead)
    desk.queue.carry_times("deliver", timedelta(days=20))
    assert desk.queue.history(dead) == before


def test_the_time_that_a_stage_worked_is_kept_for_the_next_process(desk, clock):
    assert desk.queue.time_noted("deliver") is None
    desk.queue.note_time("deliver")
    at = clock.now()
    clock.advance(timedelta(days=1))
    assert desk.another(2).queue.time_noted("deliver") == at
    assert desk.queue.time_noted("route") is None
    desk.queue.carry_times("deliver", timedelta(days=1))
    assert desk.queue.time_noted("deliver") == clock.now()
