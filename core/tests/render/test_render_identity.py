"""A rendering is named by all that made it, and compared by that name."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from hilum_core.config import ComponentEntry
from hilum_core.log import get_logger
from hilum_core.queue.records import Compared
from hilum_core.render.comparing import Comparison
from hilum_core.render.identity import chain_identity, step_identity

ENTRY = ComponentEntry(kind="transforms", name="mark", type="edit", table={"set": {"StationName": "A"}})


def named(entry=ENTRY, distribution="hilum-transform-edit", version="0.1", fingerprint=""):
    return chain_identity([step_identity(entry, distribution, version, fingerprint)])


@pytest.mark.parametrize(
    "change",
    [
        {"entry": attrs.evolve(ENTRY, table={"set": {"StationName": "B"}})},
        {"entry": attrs.evolve(ENTRY, type="acme:edit")},
        {"distribution": "acme-edit"},
        {"version": "0.2"},
        {"fingerprint": "another table"},
    ],
)
def test_whatever_makes_other_bytes_makes_another_name(change):
    assert named(**change) != named()


def test_the_order_in_which_settings_are_written_does_not():
    one = attrs.evolve(ENTRY, table={"a": 1, "wait": timedelta(seconds=1)})
    other = attrs.evolve(ENTRY, table={"wait": timedelta(seconds=1), "a": 1})
    assert named(one) == named(other)


def test_what_a_transform_is_for_may_be_said_otherwise():
    assert named(attrs.evolve(ENTRY, description="for the teaching archive")) == named()


def test_the_order_of_transforms_counts():
    first, second = step_identity(ENTRY, "a", "1", ""), step_identity(ENTRY, "b", "1", "")
    assert chain_identity([first, second]) != chain_identity([second, first])


class Waiting:
    """A queue with one rendering of each chain."""

    def __init__(self, *chains):
        self.chains = chains
        self.asked = []

    def chains_to_compare(self):
        return [chain for chain in self.chains if chain not in dict(self.asked)]

    def compare_renderings(self, chain, identity):
        self.asked.append((chain, identity))
        return Compared(number=1, outdated=0)


def hello(identities, *unknown, is_faulty=False):
    return {"identities": identities, "unknown": list(unknown), "is_faulty": is_faulty}


def compared(queue, *said):
    comparison = Comparison(queue, get_logger("render"))
    for one in said:
        comparison.learn(one)
    while comparison.go_on().number:
        pass
    return dict(queue.asked)


def test_nothing_is_compared_before_a_worker_has_spoken():
    assert compared(Waiting(("a",))) == {}


def test_a_chain_is_compared_with_what_its_transforms_are_now():
    assert compared(Waiting(("a", "b")), hello({"a": "1", "b": "2"})) == {("a", "b"): chain_identity("12")}


def test_what_a_broken_transform_made_waits_and_nothing_else_does():
    queue = Waiting(("a", "broken"), ("a",))
    assert compared(queue, hello({"a": "1"}, "broken")) == {("a",): chain_identity("1")}


def test_what_a_chain_made_that_is_no_more_stays():
    assert compared(Waiting(("a", "gone")), hello({"a": "1"})) == {("a", "gone"): None}


def test_with_a_faulty_config_it_waits_because_it_may_be_misspelt():
    assert compared(Waiting(("a", "gone")), hello({"a": "1"}, is_faulty=True)) == {}


def test_a_transform_that_is_mended_later_is_compared_then():
    queue = Waiting(("a",))
    assert compared(queue, hello({}, "a"), hello({"a": "1"})) == {("a",): chain_identity("1")}
