"""RENDER: one rendering per (object, chain), fair between chains, and nothing sent without it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.queue.records import (
    RenderingDead,
    RenderingDeferred,
    RenderingDiscarded,
    RenderingHeld,
)


def chains_of(claimed):
    return [c.chain[0] for c in claimed]


def deferred(desk, claimed, **changes):
    common = {"failure": desk.failure, "not_before": desk.clock.now()} | changes
    return RenderingDeferred(rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, **common)


def test_delivery_waits_for_its_rendering_which_others_share(desk):
    object_id = desk.receive()
    desk.route("pacs", "research", chain=("safe", "small"))
    assert desk.deliveries(object_id) == {"pacs": "unrendered", "research": "unrendered"}
    assert not desk.queue.claim_deliveries("pacs", 1)
    (claimed,) = desk.queue.claim_renderings(10)
    assert (claimed.chain, claimed.attempt, claimed.revision) == (("safe", "small"), 1, 7)
    desk.queue.settle_renderings([desk.rendered(claimed)])
    assert desk.deliveries(object_id) == {"pacs": "ready", "research": "ready"}
    (delivery,) = desk.queue.claim_deliveries("research", 1)
    assert delivery.rendering == desk.rendered(claimed).rendering
    assert desk.story(object_id) == ["received", "routed", "rendered"]


def test_object_as_it_came_does_not_wait_for_the_rendered_one(desk):
    object_id = desk.receive()
    (claimed,) = desk.queue.claim_objects(1)
    outcome = desk.routed(claimed, "pacs", chain=("safe",))
    plain = desk.routed(claimed, "archive").deliveries
    desk.queue.settle_routings(
        [type(outcome)(**_fields(outcome) | {"deliveries": outcome.deliveries + plain})]
    )
    assert desk.deliveries(object_id) == {"pacs": "unrendered", "archive": "ready"}
    (delivery,) = desk.queue.claim_deliveries("archive", 1)
    assert delivery.rendering is None


def _fields(record):
    return {name: getattr(record, name) for name in record.__slots__ if name != "__weakref__"}


def test_chains_take_turns(desk):
    for chain, count in (("a", 6), ("b", 2), ("c", 1)):
        for n in range(count):
            desk.receive(f"{chain}.{n}")
            desk.route("pacs", chain=(chain,))
    assert chains_of(desk.queue.claim_renderings(5)) == ["a", "b", "c", "a", "b"]
    assert chains_of(desk.queue.claim_renderings(5)) == ["a", "a", "a", "a"]


def test_turns_go_on_where_the_last_claim_ended(desk):
    for chain in ("a", "b"):
        for n in range(4):
            desk.receive(f"{chain}.{n}")
            desk.route("pacs", chain=(chain,))
    assert [chains_of(desk.queue.claim_renderings(1)) for _ in range(4)] == [["a"], ["b"], ["a"], ["b"]]


def test_busy_chains_are_left_out(desk):
    for chain in ("a", "b"):
        desk.receive(chain)
        desk.route("pacs", chain=(chain,))
    assert chains_of(desk.queue.claim_renderings(5, busy=[("a",)])) == ["b"]


def test_declined_rendering_holds_its_deliveries_only(desk):
    object_id = desk.receive()
    desk.route("research", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(1)
    outcome = RenderingHeld(
        rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, code="burned-in", failure=desk.failure
    )
    desk.queue.settle_renderings([outcome])
    assert desk.state(object_id) == "routed"
    row = desk.delivery(object_id, "research")
    assert (row.state, row.last_failure) == ("held", desk.failure)
    assert desk.queue.history(object_id).events[-1].detail["code"] == "burned-in"
    assert not desk.queue.claim_renderings(1)


def test_released_delivery_is_rendered_again_and_never_sent_untransformed(desk):
    object_id = desk.receive()
    desk.route("research", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(1)
    outcome = RenderingHeld(
        rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, code="burned-in", failure=desk.failure
    )
    desk.queue.settle_renderings([outcome])
    desk.queue.release([desk.delivery(object_id, "research").delivery_id], by="mona", because="table mended")
    assert not desk.queue.claim_deliveries("research", 1)
    (again,) = desk.render()
    assert again.attempt == 1
    assert desk.send("research") == [object_id]


def test_discarded_rendering_ends_its_deliveries(desk):
    object_id = desk.receive()
    desk.route("research", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(1)
    outcome = RenderingDiscarded(
        rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, rule="no localizers"
    )
    assert desk.queue.settle_renderings([outcome]) == [object_id]
    assert desk.deliveries(object_id) == {"research": "discarded"}
    assert desk.story(object_id) == ["received", "routed", "discarded", "settled"]


def test_dead_rendering_makes_dead_letters_that_can_be_retried(desk):
    object_id = desk.receive()
    desk.route("research", "trial", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(1)
    outcome = RenderingDead(
        rendering_id=claimed.rendering_id, lease_no=claimed.lease_no, failure=desk.failure
    )
    assert desk.queue.settle_renderings([outcome]) == []
    assert desk.deliveries(object_id) == {"research": "dead", "trial": "dead"}
    for sink in ("research", "trial"):
        desk.queue.retry([desk.delivery(object_id, sink).delivery_id], by="mona", because="mended")
    assert len(desk.render()) == 1
    assert desk.deliveries(object_id) == {"research": "ready", "trial": "ready"}


def test_deferred_rendering_waits_and_counts(desk, clock):
    desk.receive()
    desk.route("research", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(1)
    later = clock.now() + timedelta(seconds=30)
    desk.queue.settle_renderings([deferred(desk, claimed, not_before=later, crashed=True)])
    assert not desk.queue.claim_renderings(1)
    assert desk.queue.next_due_at(stage="render") == later
    clock.advance(timedelta(seconds=30))
    (claimed,) = desk.queue.claim_renderings(1)
    assert (claimed.attempt, claimed.crashes) == (2, 1)


def test_rendering_at_three_deaths_is_claimed_alone(desk):
    for n in range(3):
        desk.receive(f"1.{n}")
        desk.route("research", chain=("safe",) if n else ("small",))
    for _ in range(3):
        claimed = desk.queue.claim_renderings(3)
        desk.queue.settle_renderings([deferred(desk, c, crashed=c.chain == ("small",)) for c in claimed])
    batches = [desk.queue.claim_renderings(3) for _ in range(3)]
    assert sorted([c.crashes for c in batch] for batch in batches) == [[], [0, 0], [3]]


@pytest.mark.parametrize("recovered", [False, True])
def test_rendering_that_nobody_wants_any_more_is_not_made(desk, recovered):
    object_id = desk.receive()
    desk.route("research", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(1)
    assert desk.queue.cancel([object_id], by="mona", because="wrong patient") == [object_id]
    if recovered:
        desk.another(2).queue.recover_leases(stage="render", live={2})
    else:
        desk.queue.settle_renderings([deferred(desk, claimed)])
    assert not desk.queue.claim_renderings(1)


def test_outcome_of_a_lost_rendering_lease_is_ignored(desk):
    object_id = desk.receive()
    desk.route("research", chain=("safe",))
    (old,) = desk.queue.claim_renderings(1)
    desk.another(2).queue.recover_leases(stage="render", live={2})
    desk.queue.settle_renderings([desk.rendered(old)])
    assert desk.deliveries(object_id) == {"research": "unrendered"}


def test_clock_that_steps_back_keeps_no_rendering_from_being_made(desk, clock):
    desk.receive()
    desk.route("research", chain=("safe",))
    (claimed,) = desk.queue.claim_renderings(1)
    later = clock.now() + timedelta(seconds=30)
    desk.queue.settle_renderings([deferred(desk, claimed, not_before=later)])
    clock.advance(timedelta(days=-400))
    assert desk.queue.next_due_at(stage="render") == clock.now()
    assert len(desk.queue.claim_renderings(1)) == 1
