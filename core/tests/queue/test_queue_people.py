"""People: what they may do, what is refused and what to do instead, and who did it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.queue import QueueRefusal
from hilum_core.queue.records import Acted, ObjectDamaged

WHO = {"by": "mona", "because": "archive repaired"}


def test_retried_dead_letter_is_due_at_once_with_a_fresh_time_to_give_up(desk, clock):
    object_id = desk.receive()
    desk.route("pacs")
    (dead,) = desk.kill()
    clock.advance(timedelta(days=20))
    assert desk.queue.retry([dead], **WHO) == 1
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    assert (claimed.attempt, claimed.crashes, claimed.first_attempt_at) == (1, 0, clock.now())
    told = desk.queue.history(object_id).events[-1]
    assert (told.kind, told.by, told.detail) == ("retried", "mona", {"because": "archive repaired"})


def test_released_object_is_routed_with_a_fresh_time_to_give_up(desk, clock):
    object_id = desk.receive()
    (first,) = desk.queue.claim_objects(1)
    assert first.first_attempt_at == clock.now()
    desk.queue.settle_routings([desk.put_back(first)])
    clock.advance(timedelta(days=20))
    (again,) = desk.queue.claim_objects(1)
    assert (again.attempt, again.first_attempt_at) == (2, first.first_attempt_at)
    desk.queue.settle_routings([desk.put_back(again)])
    desk.hold()
    desk.queue.release([object_id], **WHO)
    (released,) = desk.queue.claim_objects(1)
    assert (released.attempt, released.first_attempt_at) == (1, clock.now())


def test_retry_makes_a_waiting_delivery_due(desk):
    object_id = desk.receive()
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    desk.queue.settle_deliveries([desk.put_back(claimed, in_s=900)])
    desk.queue.retry([claimed.delivery_id], **WHO)
    assert desk.send() == [object_id]


def test_retry_makes_a_waiting_rendering_due(desk):
    object_id = desk.receive()
    desk.route("pacs", chain=("safe",))
    desk.queue.retry([desk.delivery(object_id).delivery_id], **WHO)
    assert len(desk.render()) == 1


@pytest.mark.parametrize(
    ("bring_about", "state"),
    [(lambda d: d.send(), "delivered"), (lambda d: d.queue.claim_deliveries("pacs", 1), "leased")],
)
def test_retry_is_refused_where_there_is_nothing_to_retry(desk, bring_about, state):
    object_id = desk.receive()
    desk.route("pacs")
    bring_about(desk)
    name = desk.delivery(object_id).delivery_id
    with pytest.raises(QueueRefusal, match=f"{name}: is {state} and cannot be retried: "):
        desk.queue.retry([name], **WHO)


def test_one_refusal_undoes_the_whole_act(desk):
    object_id = desk.receive()
    desk.route("pacs", "research")
    (dead,) = desk.kill("pacs")
    (leased,) = desk.queue.claim_deliveries("research", 1)
    with pytest.raises(QueueRefusal):
        desk.queue.retry([dead, leased.delivery_id], **WHO)
    assert desk.deliveries(object_id)["pacs"] == "dead"
    assert "retried" not in desk.story(object_id)


@pytest.mark.parametrize(
    "name", ["0" * 16, "0123456789abcdef-12", "nonsense", "", "x-99999999999999999999999"]
)
def test_unknown_ids_are_refused(desk, name):
    with pytest.raises(QueueRefusal, match="has this id"):
        desk.queue.cancel([name], **WHO)


def test_delivery_of_another_object_is_not_meant(desk):
    first, second = desk.receive("1"), desk.receive("2")
    desk.route("pacs")
    seq = desk.delivery(first).delivery_id.partition("-")[2]
    with pytest.raises(QueueRefusal, match="no delivery"):
        desk.queue.cancel([f"{second}-{seq}"], **WHO)


def test_cancelled_delivery_ends_and_settles_its_object(desk):
    object_id = desk.receive()
    desk.route("pacs", "research")
    (dead,) = desk.kill()
    assert desk.queue.cancel([dead], **WHO) == []
    assert desk.queue.cancel([desk.delivery(object_id, "research").delivery_id], **WHO) == [object_id]
    assert desk.state(object_id) == "settled"
    assert desk.story(object_id)[-3:] == ["cancelled", "cancelled", "settled"]


def test_cancelled_object_ends_all_its_open_deliveries(desk):
    object_id = desk.receive()
    desk.route("pacs", "research", "third")
    desk.send("pacs")
    desk.kill("research")
    assert desk.queue.cancel([object_id], **WHO) == [object_id]
    assert desk.deliveries(object_id) == {
        "pacs": "delivered",
        "research": "cancelled",
        "third": "cancelled",
    }


def test_cancel_is_refused_while_a_worker_has_it(desk):
    object_id = desk.receive()
    with pytest.raises(QueueRefusal, match="is routing"):
        desk.queue.claim_objects(1)
        desk.queue.cancel([object_id], **WHO)
    desk.another(2).queue.recover_leases(stage="route", live={2})
    desk.route("pacs")
    desk.queue.claim_deliveries("pacs", 1)
    with pytest.raises(QueueRefusal, match="is leased"):
        desk.queue.cancel([object_id], **WHO)


def test_held_object_and_one_not_yet_routed_can_be_cancelled(desk):
    desk.receive("1")
    held = desk.hold()
    waiting = desk.receive("2")
    assert desk.queue.cancel([held, waiting], **WHO) == [held, waiting]
    assert not desk.queue.claim_objects(1)
    with pytest.raises(QueueRefusal, match="is settled and cannot be cancelled: it has ended"):
        desk.queue.cancel([held], **WHO)


def test_released_object_is_routed_again_and_not_held_for_the_same(desk):
    desk.receive()
    object_id = desk.hold()
    assert desk.queue.release([object_id], **WHO) == 1
    (claimed,) = desk.queue.claim_objects(1)
    assert (claimed.released, claimed.attempt, claimed.stored.instance.id) == (True, 1, object_id)


def test_held_object_goes_to_sinks_by_hand(desk):
    desk.receive()
    object_id = desk.hold()
    assert desk.queue.release([object_id], **WHO, sinks=["pacs", "pacs", "research"]) == 1
    assert desk.delivery(object_id).route == "by hand"
    assert desk.send("pacs") == []
    assert desk.send("research") == [object_id]
    told = next(e for e in desk.queue.history(object_id).events if e.kind == "released")
    assert (told.by, told.detail["sinks"]) == ("mona", ["pacs", "pacs", "research"])


def test_release_to_a_sink_that_the_object_goes_to_already_says_what_to_do(desk):
    object_id = desk.receive()
    desk.route("pacs", "research")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    damaged = ObjectDamaged(delivery_id=claimed.delivery_id, lease_no=claimed.lease_no, failure=desk.failure)
    desk.queue.settle_deliveries([damaged])
    with pytest.raises(QueueRefusal, match="goes to research already and is ready: its lane has it"):
        desk.queue.release([object_id], **WHO, sinks=["research"])


def test_release_is_refused_where_nothing_is_held(desk):
    object_id = desk.receive()
    with pytest.raises(QueueRefusal, match="is received and cannot be released"):
        desk.queue.release([object_id], **WHO)
    desk.route("pacs")
    with pytest.raises(QueueRefusal, match="is routed and cannot be released"):
        desk.queue.release([object_id], **WHO, sinks=["research"])
    with pytest.raises(QueueRefusal, match="has its sink already"):
        desk.queue.release([desk.delivery(object_id).delivery_id], **WHO, sinks=["research"])


def test_act_on_many_skips_what_moved_on_since_it_was_chosen(desk):
    objects = [desk.receive(str(number)) for number in range(4)]
    desk.route("pacs")
    chosen = [desk.delivery(one).delivery_id for one in objects]
    desk.queue.claim_deliveries("pacs", 2)
    assert desk.queue.retry_each(chosen, **WHO) == Acted(done=2, skipped=2)
    assert desk.queue.cancel_each([*chosen, "nonsense"], **WHO) == Acted(done=2, skipped=3)
    assert [desk.deliveries(one)["pacs"] for one in objects] == ["leased"] * 2 + ["cancelled"] * 2
    assert [desk.state(one) for one in objects] == ["routed"] * 2 + ["settled"] * 2
    assert desk.story(objects[0]) == ["received", "routed"]
    assert desk.queue.status().sinks[0].by_state == {"leased": 2, "cancelled": 2}


def test_act_on_many_skips_what_a_newer_version_overtook(desk):
    old = desk.receive("1", checksum=1)
    desk.route("pacs")
    (dead,) = desk.kill()
    desk.receive("1", checksum=2)
    desk.route("pacs")
    assert desk.queue.retry_each([dead], **WHO) == Acted(done=0, skipped=1)
    assert desk.deliveries(old)["pacs"] == "dead"
