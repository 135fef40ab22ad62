"""Which routes an object takes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hilum_core.config import RouteSettings
from hilum_core.queue.records import NewDelivery
from hilum_core.route.decide import RoutingPlan, decide
from hilum_sdk import Association, Instance, TemporaryError


def instance(peer="ct1"):
    return Instance(
        id="object",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        data_set_bytes=10,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        association=Association(calling_ae="CT1", called_ae="HILUM", peer=peer),
    )


def route(name, sinks, **settings):
    lists = {key: tuple(value) for key, value in settings.items() if isinstance(value, list)}
    return RouteSettings(name=name, sinks=tuple(sinks), **{**settings, **lists})


def plan(*routes, sink_peers=None, broken=None):
    return RoutingPlan(routes=routes, sink_peers=sink_peers or {}, broken=broken or {}, unmatched="hold")


def yes(_name):
    return True


def no(_name):
    return False


def sinks(decision):
    return [delivery.sink for delivery in decision.deliveries]


def test_every_route_that_matches_adds_its_sinks():
    decision = decide(plan(route("a", ["x"]), route("b", ["y", "z"])), instance(), yes)
    assert sinks(decision) == ["x", "y", "z"]
    assert [match.route for match in decision.matches] == ["a", "b"]


def test_a_route_takes_only_what_comes_from_its_peers():
    routes = (route("ct", ["x"], from_=["ct1"]), route("mr", ["y"], from_=["mr1"]))
    assert sinks(decide(plan(*routes), instance("ct1"), yes)) == ["x"]


def test_all_filters_of_a_route_must_match():
    answers = {"first": True, "second": False}
    routes = (route("both", ["x"], filters=["first", "second"]), route("one", ["y"], filters=["first"]))
    decision = decide(plan(*routes), instance(), answers.__getitem__)
    assert sinks(decision) == ["y"]
    assert decision.matches[0].why == "first"


def test_stop_ends_the_search_only_when_the_route_takes_the_object():
    stopping = route("s", ["x"], filters=["f"], stop=True)
    assert sinks(decide(plan(stopping, route("r", ["y"])), instance(), yes)) == ["x"]
    assert sinks(decide(plan(stopping, route("r", ["y"])), instance(), no)) == ["y"]


def test_a_disabled_route_takes_nothing():
    assert decide(plan(route("off", ["x"], disabled=True)), instance(), yes).matches == ()


def test_one_sink_gets_one_delivery_for_each_chain():
    routes = (
        route("a", ["x"]),
        route("b", ["x"]),
        route("c", ["x"], transforms=["safe"]),
    )
    assert decide(plan(*routes), instance(), yes).deliveries == (
        NewDelivery(sink="x", route="a"),
        NewDelivery(sink="x", route="c", chain=("safe",)),
    )


def test_an_object_is_not_returned_to_its_sender_unless_the_route_says_so():
    peers = {"to_pacs": "pacs", "to_ct": "ct1"}
    going = plan(route("all", ["to_pacs", "to_ct"]), sink_peers=peers)
    decision = decide(going, instance("ct1"), yes)
    assert sinks(decision) == ["to_pacs"]
    assert decision.notes == ("not returned to its sender through to_ct",)
    returning = plan(route("all", ["to_pacs", "to_ct"], return_to_sender=True), sink_peers=peers)
    assert sinks(decide(returning, instance("ct1"), yes)) == ["to_pacs", "to_ct"]


def test_an_object_waits_rather_than_pass_a_filter_that_cannot_be_asked():
    broken = {"filters.f": "its plugin is missing"}
    routes = (route("a", ["x"], filters=["f"]), route("b", ["y"]))
    with pytest.raises(TemporaryError, match="its plugin is missing"):
        decide(plan(*routes, broken=broken), instance(), yes)


def test_a_broken_filter_of_a_route_for_other_peers_holds_nobody_up():
    broken = {"filters.f": "its plugin is missing"}
    routes = (route("a", ["x"], filters=["f"], from_=["mr1"]), route("b", ["y"]))
    assert sinks(decide(plan(*routes, broken=broken), instance("ct1"), yes)) == ["y"]


def test_nothing_is_routed_while_a_route_is_unreadable():
    with pytest.raises(TemporaryError, match=r"routes\[1\]"):
        decide(plan(route("a", ["x"]), broken={"routes[1]": "no sink is called y"}), instance(), yes)


def test_a_route_takes_what_came_in_under_the_titles_that_it_names():
    routes = plan(route("test", ["x"], called=["HILUM_TEST"]), route("all", ["y"], called=["HILUM"]))
    assert sinks(decide(routes, instance(), yes)) == ["y"]
    assert decide(routes, instance(), yes).matches[0].why == "called HILUM"
