"""The coordinator of the lanes, told things as if by its workers; with a real queue."""

from __future__ import annotations

import logging

import pytest

from hilum_core.clock import SteadyClock
from hilum_core.config import load
from hilum_core.deliver.coordinator import DeliverCoordinator
from hilum_core.queue import QUEUE_FILE, QueueUnavailable, SqliteQueue
from hilum_core.queue.records import Failure
from hilum_core.spool import open_spool
from hilum_core.stage import StageArguments, StopSignal
from hilum_core.workers.failures import UNAVAILABLE
from hilum_core.workers.wire import pack

CONFIG = """
    [router]
    state_dir = "{state_dir}"
    [sinks.out]
    type = "folder"
    path = "/nowhere"
    [[routes]]
    name = "all"
    sinks = ["out"]
    """


@pytest.fixture
def coordinator(tmp_path, monkeypatch):
    monkeypatch.setattr("hilum_core.workers.coordinator._TRY_AGAIN_S", 0.01)
    config, problems = load(CONFIG.format(state_dir=tmp_path), source="test")
    assert not problems
    spool, clock = open_spool(tmp_path, 1), SteadyClock()
    queue = SqliteQueue.open(tmp_path / QUEUE_FILE, 1, clock)
    arguments = StageArguments(state_dir=tmp_path, revision=1, lifeline_fd=-1, lock_fd=-1, stop_within_s=1)
    yield DeliverCoordinator(queue, spool, config, arguments, StopSignal(), clock=clock, stranded=None)
    queue.close()


@pytest.fixture
def busy_once(coordinator, monkeypatch):
    """Have each next call of a method of the queue find it locked, once."""
    found_locked = []

    def busy_once(name):
        method = getattr(coordinator.queue, name)

        def call(*arguments, **more):
            if (name, more) not in found_locked:
                found_locked.append((name, more))
                raise QueueUnavailable("locked")
            return method(*arguments, **more)

        monkeypatch.setattr(coordinator.queue, name, call)

    return busy_once


def lines(caplog, text):
    return [record for record in caplog.records if text in record.getMessage()]


def test_a_rest_is_shown_and_told_though_the_queue_is_busy_when_it_begins(coordinator, busy_once, caplog):
    busy_once("set_lane")
    down = Failure(text="nobody answers", kind=UNAVAILABLE)
    with caplog.at_level(logging.INFO, "hilum"):
        coordinator.listen(coordinator.links[0], {"unavailable": pack(down)})
    shown = coordinator.queue.lanes()["out"]
    assert (shown.state, shown.reason) == ("resting", "nobody answers")
    assert len(lines(caplog, "a lane rests")) == 1


def test_a_broken_plugin_is_shown_and_told_though_the_queue_is_busy_then(coordinator, busy_once, caplog):
    busy_once("set_lane")
    busy_once("set_problem")
    coordinator.listen(coordinator.links[0], {"broken": "cannot be imported"})
    assert coordinator.queue.lanes()["out"].state == "broken"
    assert [problem.text for problem in coordinator.queue.status().problems] == ["cannot be imported"]
    assert len(lines(caplog, "a lane waits for its plugin")) == 1


def test_a_lane_whose_process_ends_at_its_start_says_so_until_one_does_not(coordinator):
    link = coordinator.links[0]
    coordinator.ended(link, "killed by signal 9", at_start=True)
    shown = coordinator.queue.lanes()["out"]
    assert (shown.state, shown.reason) == ("broken", "its process ended at its start (killed by signal 9)")
    coordinator.listen(link, {"hello": {"blame": "hilum-sink-folder 1.0"}})
    assert coordinator.queue.lanes()["out"].state == "working"
    assert not coordinator.queue.status().problems
