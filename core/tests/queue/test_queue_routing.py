"""ROUTE: claimed once, in order, with attempts counted at the claim; what became of it is kept."""

from __future__ import annotations

from datetime import timedelta

from hilum_core.queue.records import RoutingDiscarded
from hilum_core.queue.store import LEASE


def test_object_received_twice_has_one_row(desk):
    stored = desk.stored()
    assert desk.queue.add_objects([stored]) == 1
    assert desk.queue.add_objects([stored]) == 0
    assert desk.story(stored.instance.id) == ["received"]


def test_all_facts_of_an_object_come_back_as_they_went_in(desk):
    stored = desk.stored(peer=None, user="Müller", tls_subject="CN=ct1", address="fe80::1")
    desk.queue.add_objects([stored])
    (claimed,) = desk.queue.claim_objects(1)
    assert claimed.stored == stored
    assert desk.queue.history(stored.instance.id).object.stored == stored


def test_known_and_last_ids(desk):
    assert desk.queue.last_object_id() is None
    first, second = desk.receive("1"), desk.receive("2")
    assert desk.queue.known_objects([first, "0" * 16]) == {first}
    assert desk.queue.known_objects([f"{n:016d}" for n in range(2000)]) == set()
    assert desk.queue.last_object_id() == second


def test_last_id_of_one_incarnation(desk):
    first, last = desk.receive("1"), desk.receive("2")
    other = desk.another(2).receive("3")
    assert desk.queue.last_object_id(beside=first) == last
    assert desk.queue.last_object_id(beside=last) is None
    assert desk.queue.last_object_id() == other


def test_created_at_is_kept(desk, clock):
    made = desk.queue.trusted_since()
    clock.advance(timedelta(days=1))
    assert desk.another(2).queue.trusted_since() == made


def test_objects_are_claimed_oldest_first_and_once(desk):
    ids = [desk.receive(str(n)) for n in range(5)]
    first = [c.stored.instance.id for c in desk.queue.claim_objects(3)]
    second = [c.stored.instance.id for c in desk.another(2).queue.claim_objects(3)]
    assert first + second == ids
    assert not desk.queue.claim_objects(3)


def test_nothing_is_claimed_where_there_is_no_room_for_it(desk):
    desk.receive()
    assert [len(desk.queue.claim_objects(limit)) for limit in (0, -1)] == [0, 0]
    desk.route("pacs", "research", chain=("safe",))
    assert not desk.queue.claim_renderings(-1)
    assert not desk.queue.claim_deliveries("pacs", -1)


def test_attempt_counts_at_the_claim(desk):
    object_id = desk.receive()
    (claimed,) = desk.queue.claim_objects(1)
    assert (claimed.attempt, claimed.crashes) == (1, 0)
    desk.queue.settle_routings([desk.put_back(claimed)])
    (claimed,) = desk.queue.claim_objects(1)
    assert claimed.attempt == 2
    desk.queue.settle_routings([desk.put_back(claimed, spent=False)])
    assert desk.queue.history(object_id).object.attempts == 1


def test_deferred_object_is_due_at_its_time_and_not_before(desk, clock):
    desk.receive()
    (claimed,) = desk.queue.claim_objects(1)
    desk.queue.settle_routings([desk.put_back(claimed, in_s=60)])
    assert desk.queue.next_due_at(stage="route") == clock.now() + timedelta(seconds=60)
    assert not desk.queue.claim_objects(1)
    clock.advance(timedelta(seconds=60))
    assert desk.queue.next_due_at(stage="route") == clock.now()
    assert len(desk.queue.claim_objects(1)) == 1
    assert desk.queue.next_due_at(stage="route") is None


def test_outcome_of_a_lost_lease_is_ignored(desk):
    object_id = desk.receive()
    (old,) = desk.queue.claim_objects(1)
    desk.queue.settle_routings([desk.put_back(old)])
    (new,) = desk.queue.claim_objects(1)
    assert new.lease_no == old.lease_no + 1
    desk.queue.settle_routings([desk.routed(old, "wrong")])
    assert desk.state(object_id) == "routing"
    desk.queue.settle_routings([desk.routed(new, "pacs")])
    desk.queue.settle_routings([desk.routed(new, "wrong")])
    assert desk.deliveries(object_id) == {"pacs": "ready"}


def test_outcome_of_another_process_is_ignored(desk):
    object_id = desk.receive()
    (claimed,) = desk.queue.claim_objects(1)
    desk.another(2).queue.settle_routings([desk.routed(claimed, "pacs")])
    assert desk.state(object_id) == "routing"


def test_object_at_three_deaths_is_claimed_alone(desk):
    ids = [desk.receive(str(n)) for n in range(3)]
    for _ in range(3):
        claimed = [c for c in desk.queue.claim_objects(3) if c.stored.instance.id in ids]
        desk.queue.settle_routings(
            [desk.put_back(c, crashed=c.stored.instance.id == ids[1], spent=False) for c in claimed]
        )
    assert [c.stored.instance.id for c in desk.queue.claim_objects(3)] == [ids[0], ids[2]]
    (alone,) = desk.queue.claim_objects(3)
    assert (alone.stored.instance.id, alone.crashes) == (ids[1], 3)


def test_route_tells_where_and_why(desk):
    object_id = desk.receive()
    desk.route("pacs", "research")
    history = desk.queue.history(object_id)
    assert history.object.state == "routed"
    assert history.object.facts.study_instance_uid == "1.2"
    assert {(d.sink, d.route, d.revision) for d in history.deliveries} == {
        ("pacs", "to-pacs", 7),
        ("research", "to-research", 7),
    }
    told = history.events[-1]
    assert told.kind == "routed"
    assert told.detail["routes"] == [["to-pacs", "emergency_ct"], ["to-research", "emergency_ct"]]


def test_two_routes_to_one_sink_make_one_delivery_per_chain(desk):
    desk.receive()
    (claimed,) = desk.queue.claim_objects(1)
    twice = desk.routed(claimed, "pacs", "pacs")
    desk.queue.settle_routings([twice])
    assert len(desk.queue.list_deliveries()) == 1


def test_held_object_waits_with_its_reason(desk):
    desk.receive()
    object_id = desk.hold()
    assert desk.state(object_id) == "held"
    assert desk.queue.history(object_id).object.reason == "unmatched: no route matched"
    assert not desk.queue.claim_objects(1)
    assert desk.queue.next_due_at(stage="route") is None
    assert desk.story(object_id) == ["received", "held"]


def test_discarded_object_is_settled_and_says_by_which_rule(desk):
    object_id = desk.receive()
    (claimed,) = desk.queue.claim_objects(1)
    outcome = RoutingDiscarded(object_id=object_id, lease_no=claimed.lease_no, rule="unmatched = discard")
    assert desk.queue.settle_routings([outcome]) == [object_id]
    assert desk.state(object_id) == "settled"
    assert desk.story(object_id) == ["received", "discarded", "settled"]


def test_routed_to_nowhere_is_settled(desk):
    object_id = desk.receive()
    assert desk.route() == [object_id]
    assert desk.state(object_id) == "settled"


def test_failed_attempts_leave_few_lines(desk):
    object_id = desk.receive()
    for _ in range(100):
        (claimed,) = desk.queue.claim_objects(1)
        desk.queue.settle_routings([desk.put_back(claimed)])
    lines = [e.detail["attempt"] for e in desk.queue.history(object_id).events if e.kind == "refused"]
    assert lines == [1, 2, 4, 8, 16, 32, 64]


def test_delivered_to_knows_the_bytes_that_went_out_as_they_came(desk):
    desk.receive("1.2.3", checksum=5)
    desk.route("pacs")
    assert not desk.queue.delivered_to(["pacs"], "1.2.3", 5)
    desk.send()
    assert desk.queue.delivered_to(["other", "pacs"], "1.2.3", 5)
    assert not desk.queue.delivered_to(["pacs"], "1.2.3", 6)
    assert not desk.queue.delivered_to(["other"], "1.2.3", 5)
    assert not desk.queue.delivered_to([], "1.2.3", 5)


def test_leases_are_renewed_for_their_owner_only(desk, clock):
    mine, other = desk, desk.another(2)
    mine.receive("1")
    mine.queue.claim_objects(1)
    mine.receive("2")
    other.queue.claim_objects(1)
    until = clock.now() + LEASE * 2
    mine.queue.renew_leases(until)
    ends = dict(mine.queue._session.rows("SELECT lease_owner, lease_until FROM objects"))
    assert ends[1] > ends[2]


def test_clock_that_steps_back_keeps_no_object_from_being_routed(desk, clock):
    desk.receive()
    (claimed,) = desk.queue.claim_objects(1)
    desk.queue.settle_routings([desk.put_back(claimed, in_s=60)])
    clock.advance(timedelta(days=-400))
    assert len(desk.queue.claim_objects(1)) == 1
