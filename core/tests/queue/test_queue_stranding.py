"""What a config has no more, of what deliveries are on their way through."""

from __future__ import annotations

import pytest

from hilum_core.config import load
from hilum_core.deliver import stranded
from hilum_core.deliver.stranded import Stranded
from hilum_core.queue import QueueUnavailable
from hilum_core.queue.people import BY_HAND
from hilum_core.queue.records import Inventory
from hilum_core.queue.stranding import why_stranded


def inventory(sinks=("pacs", "lake"), routes=("to-pacs", "to-lake"), transforms=("safe",)):
    return Inventory(sinks=frozenset(sinks), routes=frozenset(routes), transforms=frozenset(transforms))


def hold(desk, has):
    return desk.queue.hold_stranded(desk.queue.find_stranded(has))


@pytest.mark.parametrize(
    ("has", "why"),
    [
        (inventory(), ""),
        (inventory(sinks=["lake"]), "the sink pacs is no longer in the config"),
        (inventory(routes=["to-lake"]), "the route to-pacs is no longer in the config"),
        (inventory(transforms=[]), "the transform safe is no longer in the config"),
    ],
)
def test_a_delivery_is_held_for_what_the_config_has_no_more(desk, has, why):
    object_id = desk.receive()
    desk.route("pacs", chain=("safe",))
    assert desk.queue.count_stranded(has) == ({why: 1} if why else {})
    assert hold(desk, has) == bool(why)
    delivery = desk.delivery(object_id)
    assert delivery.state == ("held" if why else "unrendered")
    assert (delivery.last_failure.text if why else "") == why
    assert ("held" in desk.story(object_id)) is bool(why)
    assert desk.state(object_id) == "routed"


def test_what_a_worker_has_in_hand_and_what_has_ended_is_left_alone(desk):
    desk.receive("1.1")
    desk.route("pacs")
    desk.send()
    desk.receive("1.2")
    desk.route("pacs")
    desk.queue.claim_deliveries("pacs", 10)
    assert desk.queue.count_stranded(inventory(sinks=[])) == {}


def test_what_a_person_releases_goes_on_whatever_route_is_gone(desk):
    object_id = desk.receive()
    desk.route("pacs")
    has = inventory(routes=[])
    hold(desk, has)
    desk.queue.release([desk.delivery(object_id).delivery_id], by="mona", because="they need it")
    assert hold(desk, has) == 0
    assert desk.delivery(object_id).route == BY_HAND
    assert desk.send() == [object_id]


def test_a_redirected_delivery_goes_to_another_sink_by_the_same_chain(desk):
    object_id = desk.receive()
    desk.route("pacs", chain=("safe",))
    hold(desk, inventory(sinks=["lake"]))
    first = desk.delivery(object_id).delivery_id
    acted = desk.queue.redirect_each([first], "lake", by="mona", because="new archive")
    assert (acted.done, acted.skipped) == (1, 0)
    assert desk.deliveries(object_id) == {"pacs": "cancelled", "lake": "unrendered"}
    assert desk.delivery(object_id, "lake").chain == ("safe",)
    desk.render()
    assert desk.send("lake") == [object_id]


def test_what_is_redirected_to_where_it_goes_already_is_skipped(desk):
    object_id = desk.receive()
    desk.route("pacs")
    (first,) = desk.kill()
    acted = desk.queue.redirect_each([first], "pacs", by="mona", because="again")
    assert (acted.done, acted.skipped) == (0, 1)
    assert desk.state(object_id) == "routed"


def test_what_nobody_routed_needs_its_sink_alone():
    has = inventory(routes=[], transforms=[])
    assert why_stranded(has, "pacs", BY_HAND, ("safe",)) == ""
    assert why_stranded(has, "gone", BY_HAND, ()) == "the sink gone is no longer in the config"


class LockedOnce:
    """A queue that another process has locked at the first look."""

    def __init__(self, queue):
        self._queue = queue
        self._is_locked = True

    def find_stranded(self, has):
        if self._is_locked:
            self._is_locked = False
            raise QueueUnavailable("locked")
        return self._queue.find_stranded(has)

    def __getattr__(self, name):
        return getattr(self._queue, name)


@pytest.fixture
def empty():
    config, problems = load('[router]\nstate_dir = "/s"\n', source="test")
    assert not problems
    return config


def test_no_lane_begins_before_the_queue_could_be_looked_at(desk, empty):
    object_id = desk.receive()
    desk.route("pacs")
    looks = Stranded(LockedOnce(desk.queue), empty, set)
    with pytest.raises(QueueUnavailable):
        looks.hold_some()
    assert not looks.hold_some()
    assert desk.deliveries(object_id) == {"pacs": "held"}


def test_what_a_route_of_before_decides_at_its_end_is_held_too(desk, empty, monkeypatch):
    monkeypatch.setattr(stranded, "_SEE_EVERY_S", 0.0)
    alive = {1, 2}
    looks = Stranded(desk.queue, empty, lambda: set(alive))
    assert not looks.hold_some()
    object_id = desk.receive()
    desk.route("pacs")
    looks.hold_some()
    assert desk.deliveries(object_id) == {"pacs": "ready"}
    alive.remove(1)
    looks.hold_some()
    assert desk.deliveries(object_id) == {"pacs": "held"}
