"""Workers that hang, die, talk nonsense or leave children behind, as a coordinator meets them."""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hilum_core.clock import SteadyClock
from hilum_core.queue import Doorbell, QueueUnavailable
from hilum_core.stage import StageArguments, StopSignal
from hilum_core.workers.coordinator import Coordinator
from hilum_core.workers.link import WorkerLink

WORKER = """
import json, os, socket, struct, subprocess, sys, time

words = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
sock = socket.socket(fileno=int(words["pipe-fd"]))

def say(text):
    data = text if isinstance(text, bytes) else json.dumps(text).encode()
    sock.sendall(struct.pack(">I", len(data)) + data)

def hear():
    (length,) = struct.unpack(">I", sock.recv(4, socket.MSG_WAITALL))
    return json.loads(sock.recv(length, socket.MSG_WAITALL))

say({"hello": {}})
"""
HEARS = 'items = hear()["items"]\n'


class Pairs(Coordinator[str, tuple[str, str]]):
    """A coordinator of strings: what it was told of each stands in `settled`."""

    stage = "route"

    def __init__(self, queue, arguments, items):
        super().__init__(queue, arguments, StopSignal(), clock=SteadyClock())
        self.waiting = list(items)
        self.settled = {}

    def dispatch(self):
        for link in self.links:
            if link.ready and self.waiting:
                link.push([(item, item, {}) for item in self.waiting])
                self.waiting = []

    def heard(self, link, message):
        if "begin" in message:
            self.queue.look()
        if "done" in message:
            self.conclude(link, message["done"], (message["done"], message["outcome"]))

    def lost(self, link, claimed, *, begun, how):
        return claimed, f"{'begun' if begun else 'unspent'}: {how}"

    def settle(self, outcomes):
        self.settled.update(outcomes)
        if len(self.settled) == 3:
            self.stopping.set()


class Leases:
    """The part of a queue that the loop itself calls."""

    def __init__(self):
        self.trouble = self.trouble_later = 0

    def look(self):
        if self.trouble_later:
            self.trouble_later -= 1
            raise QueueUnavailable("locked")

    def recover_leases(self, *, stage, live):
        if self.trouble:
            self.trouble -= 1
            raise QueueUnavailable("locked")
        return 0

    def renew_leases(self, until):
        pass

    def time_noted(self, stage):
        return None

    def note_time(self, stage):
        pass


@pytest.fixture
def meet(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "run").mkdir()

    def run(behaviour, *, limit_s=60.0, queue=None, items="abc", hears=HEARS):
        (tmp_path / "odd_worker.py").write_text(WORKER + hears + behaviour)
        arguments = StageArguments(
            state_dir=tmp_path, revision=1, lifeline_fd=-1, lock_fd=-1, stop_within_s=1
        )
        pairs = Pairs(queue or Leases(), arguments, items)
        link = WorkerLink("odd_worker", "odd", arguments, memory_bytes=1 << 30, call_limit_s=limit_s)
        pairs.links = [link]
        bell = Doorbell.bind(tmp_path, "route")
        try:
            pairs.run(bell)
        finally:
            bell.close()
            if link.running:
                link.kill()
                link.retire()
        assert not link.in_hand
        return pairs.settled

    return run


def test_what_was_answered_counts_and_what_was_begun_is_to_blame(meet):
    settled = meet(
        'say({"begin": "a"}); say({"done": "a", "outcome": "fine"}); say({"begin": "b"}); os._exit(7)'
    )
    assert settled == {"a": "fine", "b": "begun: exit status 7", "c": "unspent: exit status 7"}


def test_who_dies_before_saying_at_which_was_at_the_oldest(meet):
    assert meet("os._exit(7)") == {
        "a": "begun: exit status 7",
        "b": "unspent: exit status 7",
        "c": "unspent: exit status 7",
    }


def test_the_way_it_died_is_told(meet):
    settled = meet('say({"begin": "a"}); os.kill(os.getpid(), 11)')
    assert settled["a"] == "begun: killed by signal 11"


def test_one_that_hangs_before_it_begins_anything_is_ended(meet):
    assert meet("time.sleep(3600)", limit_s=-3.5)["a"] == "begun: killed by signal 9"


@pytest.mark.parametrize(
    "nonsense",
    [
        '{"done": "a"}',
        '{"done": ["a"]}',
        'b"{nonsense"',
        'b"[]"',
        'b"\\xff"',
        'b"[" * 100000',
        'b"1" * 100000',
    ],
)
def test_nonsense_ends_the_worker_and_not_the_coordinator(meet, nonsense):
    settled = meet(f'say({{"begin": "a"}}); say({nonsense}); time.sleep(3600)')
    assert settled["a"] == "begun: killed by signal 9"
    assert settled["b"].startswith("unspent")


def test_one_that_is_dead_when_it_is_to_be_ended_is_buried_like_any_other(meet, monkeypatch):
    kill = WorkerLink.kill

    def once_dead(link):
        select.select([link.ending], [], [])
        kill(link)

    monkeypatch.setattr(WorkerLink, "kill", once_dead)
    assert meet('say({"begin": "a"}); say({"done": "b"}); os._exit(5)')["a"] == "begun: exit status 5"


def test_a_child_that_it_leaves_behind_with_its_pipe_hides_no_death(meet, tmp_path):
    behaviour = """
if os.fork() == 0:
    open(words["state-dir"] + "/child", "w").write(str(os.getpid()))
    time.sleep(3600)
time.sleep(0.2)
os._exit(3)
"""
    started = time.monotonic()
    assert meet(behaviour)["a"] == "begun: exit status 3"
    assert time.monotonic() - started < 1800
    with suppress(ProcessLookupError):  # it is cleared away already
        os.kill(int(Path(tmp_path, "child").read_text()), 9)


def test_a_child_that_it_leaves_behind_and_that_talks_without_end_is_not_listened_to(meet):
    behaviour = """
if os.fork() == 0:
    beat = json.dumps({"beat": 1}).encode()
    much = (struct.pack(">I", len(beat)) + beat) * 10000
    while True:
        sock.sendall(much)
time.sleep(0.2)
os._exit(3)
"""
    assert meet(behaviour)["a"] == "begun: exit status 3"


def test_one_that_does_not_read_holds_nobody_up(meet, monkeypatch):
    monkeypatch.setattr("hilum_core.workers.link._TAKES_WITHIN_S", 0.3)
    settled = meet("time.sleep(3600)", hears="", items=[letter * 400_000 for letter in "abc"])
    assert list(settled.values()) == ["begun: killed by signal 9", *["unspent: killed by signal 9"] * 2]


def test_one_that_spoke_while_nobody_listened_is_not_taken_for_silent(meet):
    queue = Leases()
    queue.trouble_later = 2
    behaviour = """
for item in items:
    say({"begin": item["id"]})
    for _ in range(10):
        time.sleep(0.1)
        say({"beat": 1})
    say({"done": item["id"], "outcome": "fine"})
time.sleep(3600)
"""
    assert set(meet(behaviour, limit_s=-3.5, queue=queue).values()) == {"fine"}


def test_a_queue_that_cannot_be_used_yet_is_waited_for(meet):
    queue = Leases()
    queue.trouble = 2
    behaviour = 'for item in items: say({"done": item["id"], "outcome": "fine"})\ntime.sleep(3600)'
    assert set(meet(behaviour, queue=queue).values()) == {"fine"}
    assert queue.trouble == 0


class DueQueue:
    """A queue in which something is due at a time, or nothing."""

    def __init__(self, due):
        self.due = due

    def next_due_at(self, *, stage):
        return self.due


class DueCoordinator(Coordinator):
    """Only asked when something is due."""

    stage = "test"
    dispatch = heard = lost = settle = None

    def __init__(self, due):
        arguments = StageArguments(state_dir=Path(), revision=1, lifeline_fd=-1, lock_fd=-1, stop_within_s=1)
        super().__init__(DueQueue(due), arguments, StopSignal(), clock=SteadyClock())


def test_what_becomes_due_after_it_was_looked_up_is_claimed_at_once():
    due = datetime.now(UTC) + timedelta(milliseconds=50)
    coordinator = DueCoordinator(due)
    first = coordinator.next_due_in()
    assert first is not None
    assert 0 < first <= 0.05
    time.sleep(0.06)
    news = coordinator.news
    assert coordinator.next_due_in() == 0
    assert coordinator.news > news
    assert coordinator.next_due_in() is None  # it is due, and needs no clock any more


def test_when_something_is_due_is_asked_anew_after_news():
    coordinator = DueCoordinator(None)
    assert coordinator.next_due_in() is None
    coordinator.queue.due = datetime.now(UTC) + timedelta(hours=1)
    assert coordinator.next_due_in() is None
    coordinator.news += 1
    assert coordinator.next_due_in() > 3000
