"""After a death: all that was acknowledged has a row again, and nothing else is queued by itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from hilum_core.clock import ManualClock, SystemClock
from hilum_core.incarnation import Incarnation
from hilum_core.queue import Reconciled, SqliteQueue, reconcile
from hilum_core.spool import DiskGuard, ObjectIds, Spool, open_spool, verify
from hilum_sdk import Association

RECEIVER = """
import sys, pathlib
from datetime import datetime, UTC
from hilum_core.clock import SystemClock
from hilum_core.incarnation import Incarnation
from hilum_core.queue import GroupCommit, SqliteQueue
from hilum_core.spool import open_spool
from hilum_sdk import Association

root = pathlib.Path(sys.argv[1])
me = Incarnation.claim(root, "receive")
SqliteQueue.open(root / "queue.sqlite", me.number).close()
spool = open_spool(root, me.number, refuse_below_free=0)
commits = GroupCommit(lambda: SqliteQueue.open(root / "queue.sqlite", me.number), lambda: None)
association = Association(calling_ae="CT1", called_ae="HILUM")
for number in range(int(sys.argv[2])):
    writer = spool.begin(
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2", sop_instance_uid=f"1.2.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2", association=association, received_at=datetime.now(UTC),
    )
    writer.write([memoryview(bytes(70_000))])
    writer.write([memoryview(bytes(70_000))])
    stored = writer.commit()
    commits.submit(stored)
    print(stored.instance.id, flush=True)
"""


class Site:
    """A state directory with a queue, and spools of several incarnations."""

    def __init__(self, root):
        self.root = root
        self.clock = ManualClock()
        (root / "run").mkdir()
        self.queue = SqliteQueue.open(root / "queue.sqlite", 99, self.clock)

    def spool(self, incarnation):
        guard = DiskGuard(self.root, refuse_below_free=0)
        return Spool(self.root, incarnation, ObjectIds(incarnation, self.clock), guard=guard)

    def write(self, incarnation=1, *, known=False):
        writer = self.begin(incarnation)
        stored = writer.commit()
        if known:
            self.queue.add_objects([stored])
        return stored.instance.id

    def begin(self, incarnation=1):
        self.clock.advance(timedelta(microseconds=10))
        writer = self.spool(incarnation).begin(
            sop_class_uid="1",
            sop_instance_uid="1.2",
            transfer_syntax_uid="1.2.840.10008.1.2",
            association=Association(calling_ae="CT1", called_ae="HILUM"),
            received_at=self.clock.now(),
        )
        writer.write([memoryview(b"data")])
        return writer

    def reconcile(self):
        return reconcile(self.spool(98), self.queue)

    def lose_queue(self):
        self.queue.close()
        for file in self.root.glob("queue.sqlite*"):
            file.unlink()
        self.clock.advance(timedelta(seconds=1))
        self.queue = SqliteQueue.open(self.root / "queue.sqlite", 99, self.clock)

    def state(self, object_id):
        history = self.queue.history(object_id)
        return history and history.object.state


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.queue.close()


def test_file_of_the_dead_without_a_row_is_received(site):
    object_id = site.write()
    assert site.reconcile() == Reconciled(received=1)
    assert site.state(object_id) == "received"
    assert not site.reconcile().is_anything


def test_file_of_the_living_is_left_alone(site):
    living = Incarnation.claim(site.root, "receive")
    done = site.write(living.number)
    under_way = site.begin(living.number)
    assert not site.reconcile().is_anything
    living.close()
    assert site.reconcile() == Reconciled(received=1, incomplete=1)
    assert site.state(done) == "received"
    under_way.discard()


def test_incomplete_file_is_set_aside_and_kept(site):
    site.begin()
    assert site.reconcile() == Reconciled(incomplete=1)
    (kept,) = (site.root / "spool" / "incomplete").iterdir()
    assert kept.read_bytes().endswith(b"data")
    assert not site.reconcile().is_anything


def test_only_what_came_within_ten_minutes_of_the_last_row_of_its_process_is_queued(site):
    old = site.write()
    site.clock.advance(timedelta(minutes=1))
    late = site.write()
    site.clock.advance(timedelta(minutes=9, seconds=30))
    site.write(known=True)
    assert site.reconcile() == Reconciled(received=1, held=1)
    assert (site.state(late), site.state(old)) == ("received", "held")
    assert site.queue.history(old).object.reason == "found without a record"


def test_what_a_crash_left_is_queued_though_new_objects_came_in_before_it_was_found(site):
    dead = 50
    site.write(dead, known=True)
    left = site.write(dead)
    site.clock.advance(timedelta(hours=1))
    restarted = Incarnation.claim(site.root, "receive")
    site.write(restarted.number, known=True)
    assert site.reconcile() == Reconciled(received=1)
    assert site.state(left) == "received"
    restarted.close()


def test_what_a_process_without_a_row_left_is_queued_however_long_ago(site):
    left = site.write(50)
    for _ in range(3):
        site.clock.advance(timedelta(hours=1))
        site.write(51, known=True)
    assert site.reconcile() == Reconciled(received=1)
    assert site.state(left) == "received"


def test_lost_queue_holds_all_that_is_in_the_spool(site):
    old = site.write()
    site.clock.advance(timedelta(hours=3))
    lately = site.write(known=True)
    site.lose_queue()
    assert site.reconcile() == Reconciled(held=2)
    assert {site.state(old), site.state(lately)} == {"held"}
    assert site.queue.release([old], by="mona", because="counted", sinks=["pacs"]) == 1


def test_found_objects_of_a_lost_queue_do_not_let_later_ones_go_on(site):
    first, second = site.write(), site.write()
    hidden = site.spool(1).locate(second)
    hidden.rename(site.root / "hidden")
    site.lose_queue()
    assert site.reconcile() == Reconciled(held=1)
    (site.root / "hidden").rename(hidden)
    assert site.reconcile() == Reconciled(held=1)
    assert (site.state(first), site.state(second)) == ("held", "held")


def test_queue_made_anew_tells_what_the_old_one_told(site):
    old = site.write(known=True)
    before = site.queue.history(old).object.stored
    site.lose_queue()
    site.reconcile()
    assert site.queue.history(old).object.stored == before


def test_settled_objects_are_not_found(site):
    object_id = site.write(known=True)
    site.spool(1).settle([object_id])
    site.lose_queue()
    assert not site.reconcile().is_anything


def test_two_that_reconcile_at_once_do_no_harm(site):
    object_id = site.write()
    stored = verify(site.spool(1).locate(object_id))
    assert site.reconcile() == Reconciled(received=1)
    assert site.queue.add_objects([stored]) == 0


def receiver(root, count, *wrap):
    (root / "run").mkdir(exist_ok=True)
    command = [*wrap, sys.executable, "-c", RECEIVER, root, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def check_nothing_is_lost(root, acknowledged):
    me = Incarnation.claim(root, "receive")
    queue = SqliteQueue.open(root / "queue.sqlite", me.number, SystemClock())
    spool = open_spool(root, me.number, refuse_below_free=0)
    reconcile(spool, queue)
    assert queue.known_objects(acknowledged) == set(acknowledged)
    rows = queue.list_objects(limit=10_000)
    assert {row.state for row in rows} <= {"received"}
    for row in rows:
        assert verify(spool.locate(row.stored.instance.id)) == row.stored
    queue.close()
    me.close()
    return len(rows)


@pytest.mark.parametrize("after", [1, 7, 40])
def test_killed_receiver_loses_nothing_that_it_acknowledged(tmp_path, after):
    process = receiver(tmp_path, 10_000)
    acknowledged = [process.stdout.readline().strip() for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += process.communicate()[0].split()
    assert check_nothing_is_lost(tmp_path, acknowledged) >= after


@pytest.mark.parametrize("call", ["fdatasync:signal=SIGKILL:when=15", "pwrite64:signal=SIGKILL:when=130"])
def test_receiver_killed_at_a_system_call_loses_nothing(tmp_path, call):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    wrap = (strace, "-f", "-qq", "-o", "/dev/null", "-e", f"inject={call}")
    process = receiver(tmp_path, 500, *wrap)
    acknowledged = process.communicate(timeout=60)[0].split()
    assert process.returncode != 0
    assert acknowledged
    check_nothing_is_lost(tmp_path, acknowledged)


def test_receivers_killed_one_after_another_lose_nothing(tmp_path):
    acknowledged = []
    for after in (5, 3, 8):
        process = receiver(tmp_path, 10_000)
        acknowledged += [process.stdout.readline().strip() for _ in range(after)]
        process.kill()
        acknowledged += process.communicate()[0].split()
    assert len(set(acknowledged)) == len(acknowledged)
    assert acknowledged == sorted(acknowledged)
    check_nothing_is_lost(tmp_path, acknowledged)


def test_file_that_cannot_be_read_does_not_stand_before_the_others(site, caplog):
    unreadable, sound = site.write(), site.write()
    path = site.spool(1).locate(unreadable)
    path.unlink()
    path.mkdir()  # reading it fails, for root too
    assert site.reconcile() == Reconciled(received=1, unreadable=1)
    assert site.state(sound) == "received"
    assert caplog.records[-1].fields["object"] == unreadable


def test_file_set_aside_is_named_in_the_log(site, caplog):
    damaged = site.write()
    with site.spool(1).locate(damaged).open("ab") as file:
        file.write(b"more")
    assert site.reconcile() == Reconciled(incomplete=1)
    assert damaged in caplog.records[-1].fields["reason"]
