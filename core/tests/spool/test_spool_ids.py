"""Names of objects: in order whatever the clock does, and telling all by themselves."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_core.clock import ManualClock, from_microseconds
from hilum_core.spool.ids import (
    FIRST_ID,
    HighWater,
    ObjectIds,
    hour_folder,
    hour_of,
    incarnation_of,
    is_object_id,
    received_at,
)

TIMES = st.integers(1, 2**54).map(from_microseconds)
NUMBERS = st.integers(0, 32**5 - 1)


@given(at=TIMES, incarnation=NUMBERS)
def test_time_incarnation_and_folder_follow_from_the_id_alone(at, incarnation):
    object_id = ObjectIds(incarnation, ManualClock(at)).new()
    assert is_object_id(object_id)
    assert received_at(object_id) == at
    assert incarnation_of(object_id) == incarnation
    assert hour_folder(hour_of(object_id)) == f"{at:%Y%m%d/%H}"


@given(earlier=TIMES, later=TIMES, first=NUMBERS, second=NUMBERS)
def test_ids_sort_by_time(earlier, later, first, second):
    if earlier < later:
        assert ObjectIds(first, ManualClock(earlier)).new() < ObjectIds(second, ManualClock(later)).new()


@given(steps=st.lists(st.integers(-(10**9), 10**9), max_size=50))
def test_ids_rise_when_the_clock_steps_back(steps):
    clock = ManualClock()
    ids = ObjectIds(7, clock)
    given_out = []
    for step in steps:
        clock.advance(timedelta(microseconds=step))
        given_out.append(ids.new())
    assert given_out == sorted(set(given_out))


def test_ids_come_after_the_floor_when_the_clock_was_set_back_while_we_were_down():
    clock = ManualClock()
    floor = ObjectIds(1, clock).new()
    clock.advance(timedelta(days=-1))
    assert ObjectIds(2, clock, floor).new() > floor
    assert ObjectIds(2, clock, floor).new() > ObjectIds(1, clock, FIRST_ID).new()


def test_threads_get_ids_of_their_own():
    ids = ObjectIds(1, ManualClock())
    given_out = []
    threads = [
        threading.Thread(target=lambda: given_out.extend([ids.new() for _ in range(500)])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(given_out)) == 2000


@pytest.mark.parametrize(
    "text", ["", "1", "x" * 16, "0123456789ABCDEF", "0123456789abcdef0", "incomplete", "../../../../etc/"]
)
def test_other_text_is_no_id(text):
    assert not is_object_id(text)


def test_incarnations_have_an_end_that_says_what_to_do():
    with pytest.raises(ValueError, match="start with a new state directory"):
        ObjectIds(32**5, ManualClock())


@pytest.mark.parametrize("step", [timedelta(hours=-1), timedelta(days=-1), timedelta(days=-7300)])
def test_ids_of_several_processes_rise_together_though_the_clock_steps_back(tmp_path, step):
    clock = ManualClock()
    one, other = (ObjectIds(number, clock, None, HighWater(tmp_path / "last-id")) for number in (1, 2))
    first = other.new()
    clock.advance(timedelta(hours=2))
    second = one.new()
    clock.advance(step)
    assert first < second < other.new() < one.new() < other.new()


@pytest.mark.parametrize("found", [b"", b"\1", b"\xff" * 8, b"\xff" * 100])
def test_nonsense_in_the_shared_file_keeps_no_ids_from_rising(tmp_path, found):
    path = tmp_path / "last-id"
    path.write_bytes(found)
    ids = ObjectIds(1, ManualClock(), None, HighWater(path))
    assert ids.new() < ids.new()


def test_without_the_shared_file_ids_rise_all_the_same(tmp_path):
    ids = ObjectIds(1, ManualClock(), None, HighWater(tmp_path / "nowhere" / "last-id"))
    assert ids.new() < ids.new()
