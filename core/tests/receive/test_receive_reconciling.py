"""Receive processes that come and go: whichever dies, its objects are found."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from hilum_core.incarnation import Incarnation, prepare_state_dir
from hilum_core.queue import QueueUnavailable, SqliteQueue
from hilum_core.receive.__main__ import last_known_id
from hilum_core.receive.reconciling import start_reconciling
from hilum_core.spool import open_spool
from hilum_core.stage import StopSignal
from hilum_sdk import Association

PATIENCE_S = 20.0


class Site:
    """A state directory whose receive processes all live in this one."""

    def __init__(self, root):
        self.root = root
        self.found = threading.Event()
        self.stopping = StopSignal()
        self.refusals = 0
        self.threads = []
        self.queue = self.open_queue()

    def open_queue(self):
        if self.refusals:
            self.refusals -= 1
            raise QueueUnavailable("locked")
        return SqliteQueue.open(self.root / "queue.sqlite")

    def reconcile(self, incarnation):
        spool = open_spool(self.root, incarnation.number, refuse_below_free=0)
        on_found = self.found.set
        self.threads.append(
            start_reconciling(spool, self.open_queue, on_found=on_found, stopping=self.stopping, every_s=0.01)
        )

    def store(self, incarnation, *, known=False):
        spool = open_spool(self.root, incarnation.number, refuse_below_free=0)
        stored = spool.begin(
            sop_class_uid="1",
            sop_instance_uid="1.2",
            transfer_syntax_uid="1.2.840.10008.1.2",
            association=Association(calling_ae="CT1", called_ae="HILUM"),
            received_at=datetime.now(UTC),
        ).commit()
        if known:
            self.queue.add_objects([stored])
        return stored.instance.id

    def states(self):
        return {row.stored.instance.id: row.state for row in self.queue.list_objects()}


@pytest.fixture
def site(tmp_path):
    prepare_state_dir(tmp_path)
    made = Site(tmp_path)
    yield made
    made.stopping.set()
    for thread in made.threads:
        thread.join(PATIENCE_S)
    made.queue.close()


def claim(site):
    return Incarnation.claim(site.root, "receive")


def test_process_that_dies_after_the_new_one_has_looked_is_looked_for_again(site):
    old, dead, new = claim(site), claim(site), claim(site)
    before = site.store(dead)
    dead.close()
    site.reconcile(new)
    assert site.found.wait(PATIENCE_S)
    site.found.clear()
    left = site.store(old)
    later = site.store(new, known=True)
    old.close()
    assert site.found.wait(PATIENCE_S)
    assert site.states() == {before: "received", left: "received", later: "received"}
    new.close()


def test_queue_that_cannot_be_opened_is_tried_again(site):
    dead, new = claim(site), claim(site)
    left = site.store(dead)
    dead.close()
    site.refusals = 3
    site.reconcile(new)
    assert site.found.wait(PATIENCE_S)
    assert site.states() == {left: "received"}
    new.close()


def test_start_asks_the_queue_for_its_greatest_id_and_does_without_where_it_is_locked(site, monkeypatch):
    me = claim(site)
    assert last_known_id(site.root, me) is None
    greatest = site.store(me, known=True)
    assert last_known_id(site.root, me) == greatest

    def locked(_state_dir, _incarnation):
        raise QueueUnavailable("locked")

    monkeypatch.setattr("hilum_core.receive.__main__.open_queue", locked)
    assert last_known_id(site.root, me) is None
    me.close()
