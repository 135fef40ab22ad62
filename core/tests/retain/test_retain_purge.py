"""Only what is settled for long enough is removed, and nothing that cannot be stands before the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hilum_core.clock import ManualClock
from hilum_core.queue import SqliteQueue
from hilum_core.retain import purge as module
from hilum_core.retain.purge import purge
from hilum_core.retain.shown import Span
from hilum_core.spool import DiskGuard, ObjectIds, Spool
from hilum_sdk import Association

KEEP = timedelta(days=7)


class Site:
    """A spool and its queue, in which objects are received and settled at once."""

    def __init__(self, root):
        self.clock = ManualClock()
        self.queue = SqliteQueue.open(root / "queue.sqlite", 1, self.clock)
        guard = DiskGuard(root, refuse_below_free=0)
        self.spool = Spool(root, 1, ObjectIds(1, self.clock), guard=guard)

    def store(self):
        stored = self.spool.begin(
            sop_class_uid="1",
            sop_instance_uid="1.2",
            transfer_syntax_uid="1.2.840.10008.1.2",
            association=Association(calling_ae="CT1", called_ae="HILUM"),
            received_at=self.clock.now(),
        ).commit()
        self.queue.add_objects([stored])
        return stored.instance.id

    def settle(self):
        object_id = self.store()
        self.queue.cancel([object_id], by="mona", because="test")
        self.spool.settle([object_id])
        return object_id

    def purge(self):
        now = self.clock.now()
        return purge(self.queue, self.spool, keep=Span(first=now - KEEP, last=now), now=now)

    def states(self):
        return {row.stored.instance.id: row.state for row in self.queue.list_objects()}

    def problems(self):
        return [problem.text for problem in self.queue.status().problems]


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.queue.close()


def make_unremovable(path):
    """An unlink of a folder fails, for root too."""
    path.unlink()
    path.mkdir()


def test_what_is_settled_for_long_enough_is_removed_and_nothing_else(site):
    old = site.settle()
    site.clock.advance(KEEP)
    young, waiting = site.settle(), site.store()
    site.clock.advance(timedelta(seconds=1))
    assert site.purge() == 1
    assert site.states() == {old: "purged", young: "settled", waiting: "received"}
    assert [site.spool.locate(one).exists() for one in (old, young, waiting)] == [False, True, True]
    assert site.purge() == 0


def test_what_was_settled_while_the_clock_was_ahead_is_removed_too(site):
    site.clock.advance(timedelta(days=7300))
    ahead = site.settle()
    site.clock.advance(timedelta(days=-7300))
    behind = site.settle()
    assert site.purge() == 1
    assert site.states() == {ahead: "purged", behind: "settled"}


def test_file_that_cannot_be_removed_keeps_no_other(site, monkeypatch, caplog):
    monkeypatch.setattr(module, "BATCH", 2)
    stuck = [site.settle(), site.settle()]
    for object_id in stuck:
        make_unremovable(site.spool.locate(object_id))
    others = [site.settle(), site.settle(), site.settle()]
    site.clock.advance(KEEP + timedelta(seconds=1))
    assert [site.purge() for _ in range(4)] == [0, 2, 1, 0]
    assert site.states() == dict.fromkeys(stuck, "purging") | dict.fromkeys(others, "purged")
    assert [record.fields["object"] for record in caplog.records] == stuck
    (problem,) = site.problems()
    assert problem.startswith("settled objects that cannot be removed: 2; ")


def test_file_that_could_not_be_removed_is_tried_again_and_the_problem_goes(site):
    object_id = site.settle()
    path = site.spool.locate(object_id)
    make_unremovable(path)
    site.clock.advance(KEEP + timedelta(seconds=1))
    assert site.purge() == 0
    path.rmdir()
    assert site.purge() == 0
    assert site.problems()
    site.clock.advance(timedelta(hours=1))
    assert site.purge() == 1
    assert site.states() == {object_id: "purged"}
    assert not site.problems()


def test_clock_that_steps_back_keeps_nothing_from_being_tried_again(site):
    object_id = site.settle()
    path = site.spool.locate(object_id)
    make_unremovable(path)
    site.clock.advance(KEEP + timedelta(days=400))
    assert site.purge() == 0
    path.rmdir()
    site.clock.advance(timedelta(days=-400))
    assert site.purge() == 1
