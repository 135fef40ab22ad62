"""DELIVER: each lane its own, oldest first, attempts at the claim, and an end for every delivery."""

from __future__ import annotations

from datetime import timedelta

from hilum_core.queue.records import ObjectDamaged, RenderingLost, Sent
from hilum_sdk import Receipt

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


def test_deliveries_of_a_sink_are_claimed_in_order_of_reception(desk):
    uids = [f"1.{n}" for n in range(6)]
    for uid in uids:
        desk.receive(uid)
        desk.route("pacs", "research")
    assert desk.order("pacs", 4) == uids[:4]
    assert desk.order("pacs") == uids
    assert desk.order("research") == uids
    assert desk.order("nowhere") == []


def test_order_of_reception_holds_across_receivers_that_commit_late(desk):
    early, late = desk.stored("1.1"), desk.stored("1.2")
    desk.queue.add_objects([late])
    desk.queue.add_objects([early])
    desk.route("pacs")
    assert desk.order() == ["1.1", "1.2"]


def test_settled_when_the_last_delivery_ended(desk):
    object_id = desk.receive()
    desk.route("pacs", "research")
    assert desk.send("pacs") == []
    assert desk.state(object_id) == "routed"
    assert desk.send("research") == [object_id]
    assert desk.state(object_id) == "settled"
    assert desk.story(object_id) == ["received", "routed", "sent", "sent", "settled"]


def test_dead_delivery_keeps_its_object(desk):
    object_id = desk.receive()
    desk.route("pacs", "research")
    desk.kill("pacs")
    assert desk.send("research") == []
    assert desk.state(object_id) == "routed"
    row = desk.delivery(object_id)
    assert (row.state, row.last_failure) == ("dead", desk.failure)


def test_receipt_and_its_warning_are_kept(desk):
    object_id = desk.receive()
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    receipt = Receipt(warning="coerced", status=0xB000, location="/archive/1")
    outcome = Sent(
        delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, receipt=receipt, notes=("reencoded",)
    )
    desk.queue.settle_deliveries([outcome])
    row = desk.delivery(object_id)
    assert (row.state, row.receipt) == ("delivered", receipt)
    assert row.ended_at == desk.clock.now()
    assert desk.queue.history(object_id).events[-2].detail["notes"] == ["reencoded"]


def test_sent_waits_for_its_check(desk):
    object_id = desk.receive()
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    outcome = Sent(
        delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, receipt=Receipt(status=0), confirm=True
    )
    assert desk.queue.settle_deliveries([outcome]) == []
    assert desk.delivery(object_id).state == "sent"
    assert desk.state(object_id) == "routed"


def test_deferred_delivery_keeps_its_first_attempt_and_its_last_failure(desk, clock):
    object_id = desk.receive()
    desk.route("pacs")
    first_at = clock.now()
    for attempt in range(1, 4):
        (claimed,) = desk.queue.claim_deliveries("pacs", 1)
        assert (claimed.attempt, claimed.first_attempt_at) == (attempt, first_at)
        desk.queue.settle_deliveries([desk.put_back(claimed, in_s=10)])
        assert not desk.queue.claim_deliveries("pacs", 1)
        clock.advance(timedelta(seconds=10))
    row = desk.delivery(object_id)
    assert (row.attempts, row.last_failure, row.next_attempt_at) == (3, desk.failure, clock.now())


def test_outage_that_spends_no_attempts_does_not_use_up_the_time_to_give_up(desk, clock):
    desk.receive()
    desk.route("pacs")
    for _ in range(3):
        (claimed,) = desk.queue.claim_deliveries("pacs", 1)
        assert (claimed.attempt, claimed.first_attempt_at) == (1, clock.now())
        desk.queue.settle_deliveries([desk.put_back(claimed, spent=False)])
        clock.advance(timedelta(days=10))


def test_waiting_older_delivery_is_not_passed_by_the_newer_of_its_instance_only(desk):
    for uid in ("1.1", "1.1", "1.2"):
        desk.receive(uid)
    desk.route("pacs")
    (first, _) = desk.queue.claim_deliveries("pacs", 10)
    desk.queue.settle_deliveries([desk.put_back(first, in_s=60)])
    assert not desk.queue.claim_deliveries("pacs", 10)
    due_at = desk.queue.next_due_at(stage="deliver", sink="pacs")
    assert due_at == desk.clock.now() + timedelta(seconds=60)


def test_what_becomes_due_is_claimed_by_reception(desk, clock):
    for n in range(4):
        desk.receive(f"1.{n}")
    desk.route("pacs")
    claimed = desk.queue.claim_deliveries("pacs", 10)
    desk.queue.settle_deliveries([desk.put_back(c, in_s=10 - n) for n, c in enumerate(claimed)])
    clock.advance(timedelta(seconds=10))
    assert desk.order() == ["1.0", "1.1", "1.2", "1.3"]


def test_patient_stays_on_one_shard(desk):
    for n in range(40):
        desk.receive(f"1.{n}")
        desk.route("pacs", patient=f"patient-{n % 8}")
    shards = [desk.queue.claim_deliveries("pacs", 100, shard=s, shards=4) for s in range(4)]
    patients = [{c.patient_key for c in claimed} for claimed in shards]
    assert sum(len(claimed) for claimed in shards) == 40
    assert sum(len(names) for names in patients) == 8
    assert all(claimed == sorted(claimed, key=lambda c: c.stored.instance.id) for claimed in shards)


def test_studies_stand_in_where_the_patient_is_unknown(desk):
    for n in range(6):
        desk.receive(f"1.{n}")
        desk.route("pacs", patient="", study=f"2.{n % 2}")
    shards = [desk.order(shard=s, shards=64) for s in range(64)]
    assert sorted(len(uids) for uids in shards if uids) == [3, 3]


def test_delivery_at_three_deaths_is_claimed_alone(desk):
    for n in range(3):
        desk.receive(f"1.{n}")
    desk.route("pacs")
    for _ in range(3):
        claimed = desk.queue.claim_deliveries("pacs", 3)
        desk.queue.settle_deliveries([desk.put_back(c, crashed=c is claimed[0]) for c in claimed])
    (alone,) = desk.queue.claim_deliveries("pacs", 3)
    assert (alone.crashes, alone.attempt) == (3, 4)
    assert len(desk.queue.claim_deliveries("pacs", 3)) == 2


def test_upcoming_needs_are_counted_and_nothing_is_claimed(desk, clock):
    for n in range(3):
        desk.receive(f"1.{n}")
    desk.route("pacs")
    desk.receive("1.9")
    desk.route("pacs", chain=("safe",))
    desk.render()
    claimed = desk.queue.claim_deliveries("pacs", 1)
    desk.queue.settle_deliveries([desk.put_back(claimed[0], in_s=5)])
    assert desk.queue.upcoming_needs("pacs") == [(CT, EXPLICIT, 3)]
    clock.advance(timedelta(seconds=5))
    assert desk.queue.upcoming_needs("pacs") == [(CT, EXPLICIT, 4)]
    assert desk.queue.upcoming_needs("pacs", look_at=1)[0][2] <= 2
    assert len(desk.order()) == 4


def test_next_due_of_all_sinks_is_the_earliest(desk, clock):
    desk.receive()
    desk.route("a", "b")
    for sink, wait_s in (("a", 30), ("b", 20)):
        (claimed,) = desk.queue.claim_deliveries(sink, 1)
        desk.queue.settle_deliveries([desk.put_back(claimed, in_s=wait_s)])
    assert desk.queue.next_due_at(stage="deliver") == clock.now() + timedelta(seconds=20)


def test_lost_rendering_is_rendered_again_and_costs_no_attempt(desk):
    object_id = desk.receive()
    desk.route("pacs", "research", chain=("safe",))
    desk.render()
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    assert claimed.rendering.deidentified
    lost = RenderingLost(delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, failure=desk.failure)
    desk.queue.settle_deliveries([lost])
    assert desk.deliveries(object_id) == {"pacs": "unrendered", "research": "unrendered"}
    assert len(desk.render()) == 1
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    assert claimed.attempt == 1


def test_damaged_object_is_held_with_its_delivery_and_the_others_go_on(desk):
    object_id = desk.receive()
    desk.route("pacs", "research")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    damaged = ObjectDamaged(delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, failure=desk.failure)
    desk.queue.settle_deliveries([damaged])
    assert desk.state(object_id) == "held"
    assert desk.deliveries(object_id) == {"pacs": "held", "research": "ready"}
    assert desk.send("research") == []
    assert desk.state(object_id) == "held"
    assert desk.queue.release([object_id], by="mona", because="disk repaired") == 1
    assert desk.state(object_id) == "routed"
    assert desk.send("pacs") == [object_id]


def test_days_of_retries_leave_few_lines(desk, clock):
    object_id = desk.receive()
    desk.route("pacs")
    for _ in range(3 * 96):
        (claimed,) = desk.queue.claim_deliveries("pacs", 1)
        desk.queue.settle_deliveries([desk.put_back(claimed, in_s=900)])
        clock.advance(timedelta(minutes=15))
    assert desk.story(object_id).count("refused") == 9


def test_resting_lane_leaves_no_lines_of_objects(desk):
    object_id = desk.receive()
    desk.route("pacs")
    for _ in range(50):
        (claimed,) = desk.queue.claim_deliveries("pacs", 1)
        desk.queue.settle_deliveries([desk.put_back(claimed, spent=False)])
    assert desk.story(object_id) == ["received", "routed"]


def test_each_death_of_a_worker_is_told(desk):
    object_id = desk.receive()
    desk.route("pacs")
    for _ in range(4):
        (claimed,) = desk.queue.claim_deliveries("pacs", 1)
        desk.queue.settle_deliveries([desk.put_back(claimed, crashed=True)])
    assert desk.story(object_id).count("refused") == 4


def test_clock_that_steps_back_rests_nothing_for_its_size(desk, clock):
    desk.receive()
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    desk.queue.settle_deliveries([desk.put_back(claimed, in_s=900)])
    clock.advance(timedelta(days=-400))
    assert desk.queue.next_due_at(stage="deliver", sink="pacs") == clock.now()
    assert len(desk.queue.claim_deliveries("pacs", 1)) == 1


def test_longest_wait_of_a_lane_outlasts_a_small_step_back(desk, clock):
    desk.receive()
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    desk.queue.settle_deliveries([desk.put_back(claimed, in_s=8 * 3600)])
    clock.advance(timedelta(minutes=-10))
    assert not desk.queue.claim_deliveries("pacs", 1)
    clock.advance(timedelta(hours=8, minutes=10))
    assert len(desk.queue.claim_deliveries("pacs", 1)) == 1


def test_wait_that_a_plugin_asks_for_is_bounded(desk, clock):
    desk.receive()
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    desk.queue.settle_deliveries([desk.put_back(claimed, in_s=30 * 86400)])
    assert not desk.queue.claim_deliveries("pacs", 1)
    assert desk.queue.next_due_at(stage="deliver", sink="pacs") == clock.now() + timedelta(hours=9)


def test_each_worker_finds_its_own_behind_those_of_others(desk):
    uids = {f"1.{number}" for number in range(60)}
    for number in range(60):
        desk.receive(f"1.{number}")
        desk.route("pacs", patient=f"p{number // 20}")
    for shards in (1, 2, 3, 7):
        orders = [desk.order(limit=100, shard=shard, shards=shards) for shard in range(shards)]
        assert sorted(uid for order in orders for uid in order) == sorted(uids)
        assert all(len(order) % 20 == 0 for order in orders)
