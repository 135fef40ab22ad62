"""The state tables hold what the plan promises, and nobody compares state names beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hilum_core.queue
from hilum_core.queue.states import (
    ADVISED,
    DELIVERIES,
    OBJECTS,
    RENDERINGS,
    TAKEN,
    UNFINISHED,
    advice,
    is_one_of,
)

TABLES = {"objects": OBJECTS, "renderings": RENDERINGS, "deliveries": DELIVERIES}
PACKAGE = Path(hilum_core.queue.__file__).parent


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_state_can_be_reached(table):
    reached = set(table.entries.values())
    while grown := {m.target for m in table.moves.values() if reached & set(m.sources)} - reached:
        reached |= grown
    assert reached == set(table.states)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_from_every_open_state_the_end_can_be_reached(table):
    closing = set(table.ended)
    while grown := {s for m in table.moves.values() if m.target in closing for s in m.sources} - closing:
        closing |= grown
    assert closing == set(table.states)


def test_nothing_leaves_the_end_of_a_delivery():
    assert not [m for m in DELIVERIES.moves.values() if set(m.sources) & set(DELIVERIES.ended)]


def test_bytes_are_removed_only_of_what_was_settled():
    ways_to = {m.sources for m in OBJECTS.moves.values() if m.target == "purging"}
    assert ways_to == {("settled",)}
    assert {m.sources for m in OBJECTS.moves.values() if m.target == "purged"} == {("purging",)}


def test_what_is_dead_or_held_has_not_ended():
    assert {"dead", "held"} <= set(DELIVERIES.open)


def test_what_waits_by_itself_and_what_was_taken_are_apart():
    assert set(UNFINISHED) < set(DELIVERIES.open)
    assert not set(UNFINISHED) & set(TAKEN)


def test_only_a_leased_delivery_can_be_sent():
    for name in ("send", "deliver"):
        assert DELIVERIES.moves[name].sources == ("leased",)


def test_condition_of_one_state_and_of_several():
    assert is_one_of(["ready"]) == "state = 'ready'"
    assert is_one_of(["a", "b"], "d.state") == "d.state IN ('a', 'b')"


def test_there_is_advice_for_every_open_state():
    for table in (OBJECTS, DELIVERIES):
        assert all(state in ADVISED for state in table.open)
    assert advice("delivered").startswith("it has ended")


def test_no_other_file_of_the_queue_names_a_state():
    states = {state for table in TABLES.values() for state in table.states}
    # These are also words of the ledger, which tells what happened and compares nothing.
    told = "received held dead rendered discarded routed purged settled sent cancelled"
    states -= set(told.split())
    for path in PACKAGE.glob("*.py"):
        if path.name != "states.py":
            quoted = set(re.findall(r"""["']([a-z]+)["']""", path.read_text()))
            assert not quoted & states, path.name
