"""What was rendered before a start or a new config is compared before it is sent, and rendered anew."""

from __future__ import annotations

import attrs
import pytest

from hilum_core.queue import SqliteQueue
from hilum_core.queue.records import Compared

CHAIN = ("safe",)


@pytest.fixture
def made(desk):
    """One object, rendered for two sinks in the first epoch."""
    object_id = desk.receive()
    desk.route("pacs", "research", chain=CHAIN)
    (claimed,) = desk.queue.claim_renderings(1)
    desk.queue.settle_renderings([_rendered(desk, claimed, "as it was")])
    return object_id


def _rendered(desk, claimed, identity):
    outcome = desk.rendered(claimed)
    return attrs.evolve(outcome, rendering=attrs.evolve(outcome.rendering, identity=identity))


def start_again(desk, epoch="second"):
    """The same queue, in the hands of the next start of the router."""
    desk.queue.close()
    desk.queue = SqliteQueue.open(desk.path, 1, desk.clock, epoch=epoch)


def test_nothing_is_claimed_before_it_is_compared(desk, made):
    start_again(desk)
    assert desk.deliveries(made) == {"pacs": "ready", "research": "ready"}
    assert not desk.queue.claim_deliveries("pacs", 1)
    assert desk.queue.next_due_at(stage="deliver", sink="pacs") is None
    assert desk.queue.chains_to_compare() == [CHAIN]


def test_what_would_be_made_alike_goes_as_it_was_made(desk, made):
    start_again(desk)
    assert desk.queue.compare_renderings(CHAIN, "as it was") == Compared(number=1, outdated=0)
    assert desk.queue.chains_to_compare() == []
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    assert claimed.rendering.identity == "as it was"
    assert desk.story(made) == ["received", "routed", "rendered"]


def test_what_would_be_made_otherwise_is_rendered_anew_and_the_ledger_says_so(desk, made):
    start_again(desk)
    assert desk.queue.compare_renderings(CHAIN, "as it is") == Compared(number=1, outdated=1)
    assert desk.deliveries(made) == {"pacs": "unrendered", "research": "unrendered"}
    (claimed,) = desk.queue.claim_renderings(1)
    assert (claimed.attempt, claimed.made_before) == (1, f"{made}-safe.dcm")
    desk.queue.settle_renderings([_rendered(desk, claimed, "as it is")])
    assert [d.rendering.identity for d in desk.queue.claim_deliveries("pacs", 1)] == ["as it is"]
    assert desk.story(made) == ["received", "routed", "rendered", "rendering outdated", "rendered"]
    told = desk.queue.history(made).events
    assert told[-2].detail == {"chain": ["safe"], "identity": "as it was"}
    assert told[-1].detail["identity"] == "as it is"


def test_what_a_sink_has_taken_is_rendered_anew_for_the_others_only(desk, made):
    desk.send("pacs")
    start_again(desk)
    assert desk.queue.compare_renderings(CHAIN, "as it is") == Compared(number=1, outdated=1)
    assert desk.deliveries(made) == {"pacs": "delivered", "research": "unrendered"}
    assert desk.queue.history(made).events[-1].detail["taken_by"] == ["pacs"]


def test_what_all_sinks_have_taken_is_not_looked_at(desk, made):
    desk.send("pacs"), desk.send("research")
    start_again(desk)
    assert desk.queue.chains_to_compare() == []
    assert desk.queue.compare_renderings(CHAIN, "as it is") == Compared(number=0, outdated=0)


def test_what_a_lane_has_in_hand_is_compared_when_it_comes_back(desk, made):
    (in_hand,) = desk.queue.claim_deliveries("pacs", 1)
    start_again(desk)
    assert desk.queue.chains_to_compare() == []
    assert desk.queue.compare_renderings(CHAIN, "as it is").number == 0
    desk.queue.settle_deliveries([desk.put_back(in_hand)])
    assert desk.queue.compare_renderings(CHAIN, "as it is").outdated == 1
    assert desk.deliveries(made) == {"pacs": "unrendered", "research": "unrendered"}


def test_what_a_person_brings_up_again_is_compared_then(desk, made):
    desk.kill("pacs"), desk.kill("research")
    start_again(desk)
    assert desk.queue.chains_to_compare() == []
    desk.queue.retry([desk.delivery(made).delivery_id], by="mona", because="mended")
    assert desk.queue.chains_to_compare() == [CHAIN]
    assert desk.queue.compare_renderings(CHAIN, "as it is").outdated == 1
    assert desk.deliveries(made) == {"pacs": "unrendered", "research": "dead"}


def test_a_chain_that_is_no_more_stays_as_it_was_made(desk, made):
    start_again(desk)
    assert desk.queue.compare_renderings(CHAIN, None) == Compared(number=1, outdated=0)
    assert len(desk.queue.claim_deliveries("pacs", 1)) == 1


def test_no_more_are_compared_at_once_than_asked_for(desk):
    for number in range(5):
        desk.receive(f"1.2.{number}")
    desk.route("pacs", chain=CHAIN)
    desk.render()
    start_again(desk)
    counts = [desk.queue.compare_renderings(CHAIN, "as it is", limit=2).number for _ in range(4)]
    assert counts == [2, 2, 1, 0]


def test_what_goes_as_it_came_needs_no_comparison(desk):
    desk.receive()
    desk.route("pacs")
    start_again(desk)
    assert desk.queue.chains_to_compare() == []
    assert len(desk.queue.claim_deliveries("pacs", 1)) == 1
