"""Bells: heard across processes, never waited for, never in the way."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

import pytest

from hilum_core.queue import Doorbell, ring


@pytest.fixture
def state_dir(tmp_path):
    deep = tmp_path / ("a-long-name-" * 9) / ("another-" * 9)  # beyond the 108 bytes of a socket address
    (deep / "run").mkdir(parents=True)
    return deep


@pytest.fixture
def bell(state_dir):
    bound = Doorbell.bind(state_dir, "route")
    yield bound
    bound.close()


def test_ring_of_another_process_wakes(state_dir, bell):
    code = "import sys, pathlib; from hilum_core.queue import ring; ring(pathlib.Path(sys.argv[1]), 'route')"
    ringing = subprocess.Popen([sys.executable, "-c", code, str(state_dir)])
    began = time.monotonic()
    assert bell.wait(30) == []
    assert time.monotonic() - began < 30
    assert ringing.wait(30) == 0


def test_many_rings_are_one_and_never_block(state_dir, bell):
    for _ in range(1000):
        ring(state_dir, "route")
    assert select.select([bell], [], [], 0)[0] == [bell]
    bell.wait(0)
    assert select.select([bell], [], [], 0)[0] == []


def test_ring_without_anybody_there_is_harmless(state_dir, tmp_path):
    ring(state_dir, "deliver")
    ring(tmp_path / "nowhere", "deliver")
    left_behind = Doorbell.bind(state_dir, "deliver")
    left_behind.close()
    ring(state_dir, "deliver")


def test_bell_that_a_dead_process_left_is_taken_over(state_dir, bell):
    bell.close()
    again = Doorbell.bind(state_dir, "route")
    ring(state_dir, "route")
    assert select.select([again], [], [], 0)[0] == [again]
    again.close()
    again.close()


def test_waiting_ends_for_other_descriptors_and_by_time(bell):
    reading, writing = os.pipe()
    assert bell.wait(0.001, reading) == []
    os.write(writing, b"x")
    assert bell.wait(None, reading) == [reading]
    os.close(reading)
    os.close(writing)


def test_stages_have_bells_of_their_own(state_dir, bell):
    with_name = Doorbell.bind(state_dir, "deliver")
    ring(state_dir, "deliver")
    assert select.select([bell, with_name], [], [], 0)[0] == [with_name]
    with_name.close()
