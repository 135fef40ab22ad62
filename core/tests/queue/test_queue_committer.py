"""Group commit: nobody waits for the queue until too much is acknowledged without a row."""

from __future__ import annotations

import threading

import pytest

from hilum_core.queue import GroupCommit, QueueUnavailable, SqliteQueue


class Gate:
    """A real queue whose commits can be stopped, and that tells what it was given."""

    def __init__(self, desk):
        self.desk = desk
        self.open = threading.Event()
        self.groups = []
        self.trouble = []
        self.opened = 0
        self.error = None

    def __call__(self):
        self.opened += 1
        self.queue = SqliteQueue.open(self.desk.path, 1, self.desk.clock)
        return self

    def add_objects(self, stored):
        self.open.wait(30)
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        self.groups.append(len(stored))
        return self.queue.add_objects(stored)

    def close(self):
        self.queue.close()


@pytest.fixture
def gate(desk):
    return Gate(desk)


def committing(gate, on_commit=lambda: None, **limits):
    return GroupCommit(gate, on_commit, gate.trouble.append, **limits)


def test_objects_get_their_rows_in_groups_and_the_next_stage_is_rung(desk, gate):
    rung = threading.Semaphore(0)
    commits = committing(gate, rung.release)
    stored = [desk.stored(str(n)) for n in range(1200)]
    for one in stored:
        commits.submit(one)
    gate.open.set()
    assert commits.close() == 0
    assert sum(gate.groups) == 1200
    assert max(gate.groups) <= 512
    assert len(gate.groups) < 10
    assert rung.acquire(timeout=1)
    assert desk.queue.known_objects([s.instance.id for s in stored]) == {s.instance.id for s in stored}


def test_single_object_is_committed_without_another_coming(desk, gate):
    done = threading.Event()
    commits = committing(gate, done.set)
    gate.open.set()
    commits.submit(desk.stored())
    assert done.wait(30)
    commits.close()


def test_too_many_without_a_row_make_the_receiver_wait(desk, gate):
    commits = committing(gate, most_waiting=3)
    for n in range(3):
        assert commits.wait_for_room(0)
        commits.submit(desk.stored(str(n)))
    assert not commits.wait_for_room(0.01)
    gate.open.set()
    assert commits.wait_for_room(30)
    commits.close()


def test_one_too_long_without_a_row_makes_the_receiver_wait(desk, gate):
    commits = committing(gate, longest_wait_s=0.05)
    commits.submit(desk.stored())
    deadline = threading.Event()
    deadline.wait(0.1)
    assert not commits.wait_for_room(0)
    gate.open.set()
    assert commits.wait_for_room(30)
    commits.close()


def test_trouble_is_told_once_and_tried_on_with_the_same_connection(desk, gate):
    commits = committing(gate)
    gate.error = QueueUnavailable("queue.sqlite: database is locked")
    gate.open.set()
    stored = desk.stored()
    commits.submit(stored)
    assert commits.close() == 0
    assert gate.trouble == ["queue.sqlite: database is locked"]
    assert gate.opened == 1
    assert desk.state(stored.instance.id) == "received"


def test_defect_does_not_end_the_thread_and_its_text_is_not_told(desk, gate):
    commits = committing(gate)
    gate.error = ValueError("DOE^JANE")
    gate.open.set()
    commits.submit(desk.stored())
    assert commits.close() == 0
    (text,) = gate.trouble
    assert gate.opened == 2
    assert text.startswith("ValueError at ")
    assert "DOE" not in text


def test_close_tells_what_could_not_be_committed(desk):
    def nowhere():
        raise QueueUnavailable("cannot be opened")

    told = []
    commits = GroupCommit(nowhere, lambda: None, told.append)
    commits.submit(desk.stored())
    assert commits.close(0.1) == 1
    assert told == ["cannot be opened"]
