"""The lane's decisions, with times passed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hilum_core.config import DeliverySettings
from hilum_core.deliver.lane import FAILURES_TO_REST, WINDOW, Lane, LaneState
from hilum_core.queue.records import (
    ClaimedDelivery,
    DeliveryDead,
    DeliveryDeferred,
    Failure,
    LaneStatus,
    Sent,
)
from hilum_core.spool.records import StoredObject
from hilum_core.workers.failures import DEFECT, PERMANENT, REFUSED, TEMPORARY, UNAVAILABLE
from hilum_sdk import Association, Instance, Receipt

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def claimed(number=1, *, attempt=1, crashes=0, first_attempt_at=NOW):
    instance = Instance(
        id=f"object-{number}",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=f"1.2.3.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        data_set_bytes=1000,
        received_at=NOW,
        association=Association(calling_ae="CT1", called_ae="HILUM"),
    )
    return ClaimedDelivery(
        delivery_id=f"delivery-{number}",
        sink="pacs",
        route="all",
        stored=StoredObject(instance=instance, checksum=1),
        rendering=None,
        revision=1,
        lease_no=7,
        attempt=attempt,
        crashes=crashes,
        first_attempt_at=first_attempt_at,
        patient_key="",
    )


def failure(kind):
    return Failure(text="pacs answered something", kind=kind)


@pytest.fixture
def lane():
    return Lane("pacs", DeliverySettings(), disabled=False, now=NOW)


def test_a_success_is_sent_with_the_receipt_of_the_sink(lane):
    outcome = lane.succeeded(claimed(), Receipt(status=0xB000), ("a note",), NOW)
    assert outcome == Sent(
        delivery_id="delivery-1", lease_no=7, receipt=Receipt(status=0xB000), notes=("a note",)
    )


def test_a_temporary_error_waits_longer_each_time_and_never_more_than_the_longest(lane):
    waits = []
    for attempt in (1, 2, 3, 10, 500):
        outcome = lane.failed(claimed(attempt=attempt), failure(TEMPORARY), None, NOW)
        assert isinstance(outcome, DeliveryDeferred)
        assert outcome.spent
        waits.append(outcome.not_before - NOW)
    first, longest = lane.settings.first_retry, lane.settings.longest_retry
    for wait, full in zip(waits, (first, first * 2, first * 4, longest, longest), strict=True):
        assert full * 0.75 <= wait <= full


def test_a_sink_may_say_when_to_try_again(lane):
    outcome = lane.failed(claimed(), failure(TEMPORARY), timedelta(hours=2), NOW)
    assert outcome.not_before == NOW + timedelta(hours=2)


def test_it_gives_up_only_after_the_time_of_the_config(lane):
    almost = claimed(attempt=900, first_attempt_at=NOW - timedelta(days=13, hours=23))
    too_long = claimed(attempt=901, first_attempt_at=NOW - timedelta(days=14, seconds=1))
    assert isinstance(lane.failed(almost, failure(TEMPORARY), None, NOW), DeliveryDeferred)
    assert isinstance(lane.failed(too_long, failure(TEMPORARY), None, NOW), DeliveryDead)


def test_a_permanent_error_is_a_dead_letter_at_once(lane):
    assert isinstance(lane.failed(claimed(), failure(PERMANENT), None, NOW), DeliveryDead)


def test_a_refusal_is_tried_some_times_over_hours_then_dead(lane):
    tries = lane.settings.refused_tries
    waits = timedelta(0)
    for attempt in range(1, tries):
        outcome = lane.failed(claimed(attempt=attempt), failure(REFUSED), None, NOW)
        assert isinstance(outcome, DeliveryDeferred)
        waits += outcome.not_before - NOW
        lane.succeeded(claimed(2), Receipt(), (), NOW)
    assert waits > timedelta(hours=4)
    assert isinstance(lane.failed(claimed(attempt=tries), failure(REFUSED), None, NOW), DeliveryDead)


def test_an_unavailable_destination_rests_the_lane_and_spends_no_attempt(lane):
    outcome = lane.failed(claimed(), failure(UNAVAILABLE), None, NOW)
    assert isinstance(outcome, DeliveryDeferred)
    assert not outcome.spent
    assert lane.state is LaneState.RESTING
    assert outcome.not_before > lane.resting_until  # the trial is made with another object
    assert lane.window(0) == 0
    assert lane.status().reason == "pacs answered something"


def test_a_rest_ends_with_a_probe_and_a_trial_of_one_object(lane):
    lane.rest(failure(UNAVAILABLE), NOW)
    later = lane.resting_until
    assert not lane.probe_due(NOW)
    assert lane.probe_due(later)
    lane.probed(None, later)
    assert lane.state is LaneState.TRIAL
    assert (lane.window(0), lane.window(1)) == (1, 0)
    lane.succeeded(claimed(), Receipt(), (), later)
    assert lane.state is LaneState.WORKING
    assert lane.window(0) == WINDOW


def test_a_dead_destination_is_probed_every_minute_at_least_however_long_it_is_dead(lane):
    now = NOW
    lane.rest(failure(UNAVAILABLE), now)
    for _ in range(1000):
        assert lane.resting_until - now <= timedelta(minutes=1)
        now = lane.resting_until
        lane.probed(failure(UNAVAILABLE), now)
    assert lane.state is LaneState.RESTING
    assert lane.status().since == NOW


@pytest.mark.parametrize("kind", [PERMANENT, REFUSED, DEFECT])
def test_ten_different_objects_failing_for_good_rest_the_lane_and_the_rest_is_put_back(lane, kind):
    outcomes = [lane.failed(claimed(number), failure(kind), None, NOW) for number in range(500)]
    assert lane.state is LaneState.RESTING
    dead = [outcome for outcome in outcomes if isinstance(outcome, DeliveryDead)]
    spent = [outcome for outcome in outcomes if isinstance(outcome, DeliveryDeferred) and outcome.spent]
    assert len(dead) + len(spent) == FAILURES_TO_REST - 1


def test_one_object_failing_ten_times_does_not_rest_the_lane(lane):
    for attempt in range(1, 11):
        lane.failed(claimed(attempt=attempt), failure(DEFECT), None, NOW)
    assert lane.state is LaneState.WORKING


def test_a_success_between_starts_the_count_anew(lane):
    for number in range(100):
        lane.failed(claimed(number), failure(PERMANENT), None, NOW)
        if number % 5 == 4:
            lane.succeeded(claimed(1000), Receipt(), (), NOW)
    assert lane.state is LaneState.WORKING


def test_the_trial_after_a_rest_is_made_with_another_object(lane):
    for number in range(FAILURES_TO_REST):
        lane.failed(claimed(number), failure(PERMANENT), None, NOW)
    until = lane.resting_until
    lane.probed(None, until)
    outcome = lane.failed(claimed(99), failure(PERMANENT), None, until)
    assert isinstance(outcome, DeliveryDeferred)
    assert not outcome.spent
    assert lane.state is LaneState.RESTING
    assert outcome.not_before > lane.resting_until


def test_an_object_that_kills_its_worker_five_times_is_dead(lane):
    for crashes in range(4):
        outcome = lane.crashed(claimed(crashes=crashes), failure(DEFECT), NOW)
        assert isinstance(outcome, DeliveryDeferred)
        assert outcome.crashed
    assert isinstance(lane.crashed(claimed(crashes=4), failure(DEFECT), NOW), DeliveryDead)


def test_a_disabled_lane_hands_out_nothing():
    lane = Lane("pacs", DeliverySettings(), disabled=True, now=NOW)
    assert lane.window(0) == 0


def test_no_lane_starves_behind_objects_that_its_destination_refuses(lane):
    due = dict.fromkeys(range(1010), NOW)
    delivered = []
    now = NOW
    while now < NOW + timedelta(hours=1):
        if lane.probe_due(now):
            lane.probed(None, now)
        while lane.window(0) and (ready := [number for number, at in due.items() if at <= now]):
            number = ready[0]
            if number < 1000:
                due[number] = lane.failed(claimed(number), failure(REFUSED), None, now).not_before
            else:
                lane.succeeded(claimed(number), Receipt(), (), now)
                delivered.append(number)
                del due[number]
        now += timedelta(seconds=5)
    assert delivered == list(range(1000, 1010))


def test_a_plugin_cannot_ask_to_be_called_at_once_for_ever_or_never_again(lane):
    at_once = lane.failed(claimed(), failure(TEMPORARY), timedelta(0), NOW)
    assert at_once.not_before == NOW + lane.settings.first_retry
    never = lane.failed(claimed(2), failure(TEMPORARY), timedelta.max, NOW)
    assert never.not_before == NOW + timedelta(days=1)


@pytest.mark.parametrize("state", ["resting", "on trial"])
def test_a_lane_that_rested_when_the_router_stopped_is_probed_before_anything_is_sent(lane, state):
    before = LaneStatus(sink="pacs", state=state, reason="refused", since=NOW - timedelta(days=1))
    lane.resume(before, NOW)
    assert lane.window(0) == 0
    assert lane.probe_due(NOW)
    assert (lane.status().reason, lane.status().since) == ("refused", before.since)
    lane.probed(None, NOW)
    outcomes = [lane.failed(claimed(number), failure(PERMANENT), None, NOW) for number in range(20)]
    assert not any(isinstance(outcome, DeliveryDead) for outcome in outcomes)


@pytest.mark.parametrize("state", ["working", "broken", "disabled", "unheard of"])
def test_a_lane_that_did_not_rest_begins_at_once(lane, state):
    lane.resume(LaneStatus(sink="pacs", state=state), NOW)
    assert lane.state is LaneState.WORKING


@pytest.mark.parametrize("days", [-7300, -1, 1, 7300])
def test_a_rest_lasts_as_long_though_the_clock_is_set(lane, days):
    lane.rest(failure(UNAVAILABLE), NOW)
    until, step = lane.resting_until, timedelta(days=days)
    lane.carry(step)
    assert not lane.probe_due(until + step - timedelta(seconds=1))
    assert lane.probe_due(until + step)
