"""What people see: figures, lists, histories, the ledger, and the three steps of a purge."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.clock import ManualClock
from hilum_core.queue.records import LaneStatus
from hilum_core.spool import ObjectIds


def test_empty_queue_shows_nothing(desk):
    status = desk.queue.status()
    assert (status.objects, status.sinks, status.oldest_unfinished_at, status.problems) == ({}, (), None, ())


def test_status_counts_objects_and_deliveries_by_state(desk, clock):
    oldest_at = clock.now()
    desk.receive("1")
    desk.route("pacs")
    desk.receive("2")
    desk.route("pacs", "research")
    desk.receive("3")
    desk.hold()
    desk.receive("4")
    claimed = desk.queue.claim_deliveries("research", 1)
    desk.queue.settle_deliveries([desk.sent(c) for c in claimed])
    status = desk.queue.status()
    assert status.objects == {"received": 1, "held": 1, "routed": 2}
    by_sink = {sink.sink: sink for sink in status.sinks}
    assert by_sink["pacs"].by_state == {"ready": 2}
    assert by_sink["pacs"].oldest_at == oldest_at
    assert by_sink["research"].by_state == {"delivered": 1}
    assert by_sink["research"].oldest_at is None
    assert status.oldest_unfinished_at == oldest_at


def test_what_waits_for_a_person_does_not_age_the_queue(desk):
    desk.receive("1")
    desk.route("pacs")
    desk.kill()
    desk.receive("2")
    desk.hold()
    assert desk.queue.status().oldest_unfinished_at is None


def test_object_that_is_not_routed_ages_the_queue(desk, clock):
    at = clock.now()
    desk.receive("1")
    assert desk.queue.status().oldest_unfinished_at == at
    desk.queue.claim_objects(1)
    assert desk.queue.status().oldest_unfinished_at == at


def test_lane_is_shown_and_told_where_it_is_news(desk, clock):
    for until_s in (10, 20, 40):
        resting = LaneStatus(
            sink="pacs",
            state="resting",
            reason="PACS: connection refused",
            since=clock.now(),
            resting_until=clock.now() + timedelta(seconds=until_s),
        )
        desk.queue.set_lane(resting, tell=until_s == 10)
    (sink,) = desk.queue.status().sinks
    assert sink.lane == resting
    assert desk.queue.lanes() == {"pacs": resting}
    desk.queue.set_lane(LaneStatus(sink="pacs", state="working"), tell=True)
    lines = [(e.kind, e.sink, e.detail["state"]) for e in desk.queue.events(0, 10)]
    assert lines == [("lane", "pacs", "resting"), ("lane", "pacs", "working")]


def test_problems_keep_the_time_they_began_and_go_away(desk, clock):
    since = clock.now()
    desk.queue.set_problem("sinks.pacs", "cannot be loaded")
    clock.advance(timedelta(hours=1))
    desk.queue.set_problem("sinks.pacs", "cannot be loaded: ModuleNotFoundError")
    desk.queue.set_problem("sinks.pacs_2", "cannot be loaded")
    desk.queue.set_problem("routes[0]", "waits")
    first = desk.queue.status().problems[1]
    assert (first.label, first.text, first.since) == (
        "sinks.pacs",
        "cannot be loaded: ModuleNotFoundError",
        since,
    )
    desk.queue.set_problem("sinks.pacs", "")
    assert [p.label for p in desk.queue.status().problems] == ["routes[0]", "sinks.pacs_2"]
    desk.queue.clear_problems("routes[")
    assert [p.label for p in desk.queue.status().problems] == ["sinks.pacs_2"]


def test_lists_are_newest_first_and_filtered(desk):
    first = desk.receive("1")
    desk.route("pacs", study="1.1")
    second = desk.receive("2")
    desk.route("pacs", "research", study="1.2")
    third = desk.receive("3")

    def ids(**filters):
        return [row.stored.instance.id for row in desk.queue.list_objects(**filters)]

    assert ids() == [third, second, first]
    assert ids(limit=1) == [third]
    assert ids(states=["routed"]) == [second, first]
    assert ids(study_instance_uid="1.1") == [first]
    assert ids(states=["held"]) == []
    desk.send("research")
    deliveries = desk.queue.list_deliveries
    assert [(d.object_id, d.sink) for d in deliveries(states=["ready"])] == [
        (second, "pacs"),
        (first, "pacs"),
    ]
    assert [d.object_id for d in deliveries(states=["ready", "delivered"], sink="research")] == [second]
    assert len(deliveries(limit=2)) == 2


def test_history_is_found_by_object_and_by_delivery(desk):
    object_id = desk.receive()
    desk.route("pacs")
    history = desk.queue.history(object_id)
    assert desk.queue.history(history.deliveries[0].delivery_id) == history
    assert desk.queue.history("0" * 16) is None
    assert desk.queue.history(f"{object_id}-999") is None
    assert desk.queue.history("nonsense") is None


def test_ledger_is_read_with_a_cursor(desk):
    ids = [desk.receive(str(n)) for n in range(5)]
    seen = []
    after = 0
    while lines := desk.queue.events(after, 2):
        seen += [line.object_id for line in lines]
        after = lines[-1].cursor
    assert seen == ids


def test_nothing_of_a_transaction_that_failed_is_in_the_ledger(desk):
    good = desk.stored("1")
    with pytest.raises(AttributeError):
        desk.queue.add_objects([good, object()])
    assert desk.queue.events(0, 10) == []
    assert desk.queue.known_objects([good.instance.id]) == set()
    assert desk.queue.add_objects([good]) == 1


def test_purge_takes_what_was_settled_long_enough_in_three_steps(desk, clock):
    object_id = desk.receive("1")
    desk.route("pacs")
    waiting = desk.receive("2")
    desk.route("research")
    desk.send("pacs")
    assert desk.queue.start_purge(clock.now(), 10) == []
    clock.advance(timedelta(days=1))
    assert desk.queue.start_purge(clock.now(), 10) == [object_id]
    assert desk.state(object_id) == "purging"
    assert desk.state(waiting) == "routed"
    desk.queue.finish_purge([object_id])
    assert desk.state(object_id) == "purged"
    assert desk.queue.history(object_id).object.purged_at == clock.now()
    assert desk.story(object_id)[-1] == "purged"
    assert desk.queue.status().objects == {"routed": 1, "purged": 1}
    assert desk.queue.start_purge(clock.now(), 10) == []


def test_purge_that_was_cut_short_is_taken_up_again(desk, clock):
    object_id = desk.receive()
    desk.route()
    clock.advance(timedelta(days=1))
    desk.queue.start_purge(clock.now(), 10)
    assert desk.another(2).queue.start_purge(clock.now(), 10) == [object_id]


def test_purge_is_bounded(desk, clock):
    ids = [desk.receive(str(n)) for n in range(5)]
    desk.route()
    clock.advance(timedelta(days=1))
    assert sorted(desk.queue.start_purge(clock.now(), 3)) == ids[:3]
    desk.queue.finish_purge(ids[:3])
    assert sorted(desk.queue.start_purge(clock.now(), 3)) == ids[3:]


def test_lanes_that_the_config_has_no_more_are_forgotten(desk):
    for sink in ("pacs", "research"):
        desk.queue.set_lane(LaneStatus(sink=sink, state="working"))
    desk.queue.keep_lanes({"pacs", "new"})
    assert [one.sink for one in desk.queue.status().sinks] == ["pacs"]
    desk.queue.keep_lanes(())
    assert not desk.queue.status().sinks


def test_ages_are_told_by_the_clock_though_it_was_ahead_once(desk, clock):
    ahead = timedelta(days=3650)
    desk.ids = ObjectIds(1, clock, floor=ObjectIds(1, ManualClock(clock.now() + ahead)).new())
    received_at = clock.now()
    desk.receive("1")
    assert desk.queue.status().oldest_unfinished_at == received_at
    desk.route("pacs")
    status = desk.queue.status()
    assert (status.oldest_unfinished_at, status.sinks[0].oldest_at) == (received_at, received_at)
    assert desk.queue.list_deliveries()[0].next_attempt_at == received_at
