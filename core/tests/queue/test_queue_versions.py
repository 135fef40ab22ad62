"""Order per object: an archive never gets the older version of an instance last."""

from __future__ import annotations

import pytest

from hilum_core.queue import QueueRefusal


def test_newer_version_takes_the_place_of_an_older_that_waits(desk):
    old = desk.receive("1.2.3", checksum=1)
    desk.route("pacs")
    new = desk.receive("1.2.3", checksum=2)
    assert desk.route("pacs") == [old]
    assert desk.state(old) == "settled"
    assert desk.deliveries(old) == {"pacs": "superseded"}
    assert desk.deliveries(new) == {"pacs": "ready"}
    assert desk.queue.history(old).events[-2].detail == {"by_object": new}


def test_same_bytes_again_are_delivered_again_in_order(desk):
    first = desk.receive("1.2.3", checksum=1)
    second = desk.receive("1.2.3", checksum=1)
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 10)
    assert claimed.stored.instance.id == first
    assert not desk.queue.claim_deliveries("pacs", 10)
    assert desk.queue.next_due_at(stage="deliver", sink="pacs") is None
    desk.queue.settle_deliveries([desk.sent(claimed)])
    (claimed,) = desk.queue.claim_deliveries("pacs", 10)
    assert claimed.stored.instance.id == second


def test_leased_older_version_is_let_finish_and_the_newer_waits(desk):
    old = desk.receive("1.2.3", checksum=1)
    desk.route("pacs")
    (leased,) = desk.queue.claim_deliveries("pacs", 10)
    new = desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    assert desk.deliveries(old) == {"pacs": "leased"}
    assert not desk.queue.claim_deliveries("pacs", 10)
    assert desk.queue.settle_deliveries([desk.sent(leased)]) == [old]
    assert desk.send() == [new]


def test_leased_older_version_that_comes_back_is_superseded(desk):
    old = desk.receive("1.2.3", checksum=1)
    desk.route("pacs")
    (leased,) = desk.queue.claim_deliveries("pacs", 10)
    new = desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    assert desk.queue.settle_deliveries([desk.put_back(leased)]) == [old]
    assert desk.deliveries(old) == {"pacs": "superseded"}
    assert desk.send() == [new]


def test_leased_older_version_of_a_dead_process_is_superseded(desk):
    old = desk.receive("1.2.3", checksum=1)
    desk.route("pacs")
    desk.queue.claim_deliveries("pacs", 10)
    desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    assert desk.another(2).queue.recover_leases(stage="deliver", live={2}) == 1
    assert desk.deliveries(old) == {"pacs": "superseded"}
    assert desk.state(old) == "settled"


def test_older_version_that_is_routed_late_is_superseded_at_once(desk):
    old = desk.receive("1.2.3", checksum=1)
    (claimed_old,) = desk.queue.claim_objects(1)
    new = desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    assert desk.queue.settle_routings([desk.routed(claimed_old, "pacs")]) == [old]
    assert desk.deliveries(old) == {"pacs": "superseded"}
    assert desk.send() == [new]


def test_older_version_is_superseded_also_after_the_newer_was_delivered(desk):
    old = desk.receive("1.2.3", checksum=1)
    (claimed_old,) = desk.queue.claim_objects(1)
    desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    desk.send()
    assert desk.queue.settle_routings([desk.routed(claimed_old, "pacs", "research")]) == []
    assert desk.deliveries(old) == {"pacs": "superseded", "research": "ready"}


def test_other_sinks_and_other_chains_are_not_concerned(desk):
    old = desk.receive("1.2.3", checksum=1)
    desk.route("pacs", "research")
    desk.receive("1.2.3", checksum=2)
    (claimed,) = desk.queue.claim_objects(1)
    desk.queue.settle_routings([desk.routed(claimed, "pacs", chain=("safe",))])
    assert desk.deliveries(old) == {"pacs": "ready", "research": "ready"}


def test_first_version_come_again_outlives_the_second(desk):
    first, second, third = (desk.receive("1.2.3", checksum=c) for c in (1, 2, 1))
    desk.route("pacs")
    assert [desk.deliveries(i)["pacs"] for i in (first, second, third)] == [
        "superseded",
        "superseded",
        "ready",
    ]


def test_dead_older_version_waits_for_a_person_who_cannot_send_it_after_the_newer(desk):
    old = desk.receive("1.2.3", checksum=1)
    desk.route("pacs")
    (dead,) = desk.kill()
    new = desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    desk.send()
    assert desk.deliveries(old) == {"pacs": "dead"}
    with pytest.raises(QueueRefusal, match=f"newer version of this instance, object {new}; cancel"):
        desk.queue.retry([dead], by="mona", because="pacs repaired")
    assert desk.queue.cancel([dead], by="mona", because="the newer one is there") == [old]


def test_newer_version_that_died_does_not_keep_the_older_back(desk):
    old = desk.receive("1.2.3", checksum=1)
    (claimed_old,) = desk.queue.claim_objects(1)
    desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    desk.kill()
    desk.queue.settle_routings([desk.routed(claimed_old, "pacs")])
    assert desk.send() == [old]


def test_superseded_delivery_takes_its_rendering_along(desk):
    desk.receive("1.2.3", checksum=1)
    desk.route("research", chain=("safe",))
    new = desk.receive("1.2.3", checksum=2)
    desk.route("research", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(10)
    assert claimed.stored.instance.id == new


def test_held_object_of_an_older_version_cannot_be_sent_by_hand(desk):
    desk.receive("1.2.3", checksum=1)
    held = desk.hold()
    desk.receive("1.2.3", checksum=2)
    desk.route("pacs")
    with pytest.raises(QueueRefusal, match="newer version"):
        desk.queue.release([held], by="mona", because="asked for", sinks=["pacs"])
    assert desk.state(held) == "held"
    assert desk.queue.release([held], by="mona", because="asked for", sinks=["research"]) == 1
