"""`hilum doctor --rebuild` and `hilum restore` die at any step: what was there is used, or all is held."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hilum_core.backup.restore import restore
from hilum_core.backup.take import take_backup
from hilum_core.doctor.aside import put_in_place, queues_aside
from hilum_core.doctor.rebuild import rebuild
from hilum_core.queue import QUEUE_FILE, QueueUnavailable, SqliteQueue, admit, reconcile
from hilum_core.queue.inspection import sinks_taken
from hilum_core.queue.records import HeaderFacts, HeldFilter, NewDelivery, Routed, RouteMatch, Sent
from hilum_core.spool import Spool
from hilum_sdk import Receipt

DYING = Path(__file__).with_name("dying.py")
SINKS = ("here", "away")
LATER = 2
"""The incarnation of who starts after the death."""


@pytest.fixture
def left(ward, tmp_path):
    """What a killed router left: one object is here and not away, one has no row."""
    ward.store()
    (claimed,) = ward.queue.claim_objects(limit=9)
    deliveries = tuple(NewDelivery(sink=sink, route="all") for sink in SINKS)
    ward.queue.settle_routings(
        [
            Routed(
                object_id=claimed.stored.instance.id,
                lease_no=claimed.lease_no,
                facts=HeaderFacts(),
                matches=(RouteMatch(route="all", why=""),),
                deliveries=deliveries,
                revision=1,
            )
        ]
    )
    take_backup(ward.root, None, tmp_path / "backup")
    (delivery,) = ward.queue.claim_deliveries("here", limit=9)
    ward.queue.settle_deliveries(
        [Sent(delivery_id=delivery.delivery_id, lease_no=delivery.lease_no, receipt=Receipt())]
    )
    ward.store(with_row=False)
    return shutil.copytree(ward.root, tmp_path / "left")


def interrupted(left, copies, *backup):
    copies.mkdir()
    command = [sys.executable, DYING, left, copies, *backup]
    subprocess.run(list(map(str, command)), check=True, timeout=120)
    *died, done = sorted(copies.iterdir())
    return died, done


def goes_on_by_itself(state_dir):
    """A router starts: what it would send. All objects have a row then, and the rest is held."""
    admit(state_dir)
    queue = SqliteQueue.open(state_dir / QUEUE_FILE, LATER)
    try:
        reconcile(Spool(state_dir, LATER), queue)
        assert sum(queue.status().objects.values()) == 2
        objects = queue.claim_objects(limit=9)
        return [claimed.stored.instance.id for claimed in objects] + [
            delivery.delivery_id for sink in SINKS for delivery in queue.claim_deliveries(sink, limit=9)
        ]
    finally:
        queue.close()


def is_untouched(state_dir, left):
    """Whether the queue is the one that was there."""
    return (state_dir / QUEUE_FILE).exists() and (state_dir / QUEUE_FILE).read_bytes() == (
        left / QUEUE_FILE
    ).read_bytes()


def held_in(state_dir):
    queue = SqliteQueue.open(state_dir / QUEUE_FILE)
    try:
        return queue.held_groups(HeldFilter())
    finally:
        queue.close()


WAYS = {"rebuild": (), "restore": ("backup",)}


@pytest.mark.parametrize("backup", WAYS.values(), ids=WAYS)
def test_whatever_step_it_dies_at_a_router_that_starts_then_sends_nothing_that_may_have_been_sent(
    left, tmp_path, backup
):
    died, done = interrupted(left, tmp_path / "copies", *(tmp_path / name for name in backup))
    of_the_queue_before = goes_on_by_itself(shutil.copytree(left, tmp_path / "before"))
    assert len(of_the_queue_before) == 2
    assert not goes_on_by_itself(done)
    untouched = [is_untouched(state_dir, left) for state_dir in died]
    assert {True, False} == set(untouched)
    for state_dir, is_as_before in zip(died, untouched, strict=True):
        assert goes_on_by_itself(state_dir) == (of_the_queue_before if is_as_before else []), state_dir


@pytest.mark.parametrize("backup", WAYS.values(), ids=WAYS)
def test_whatever_step_it_dies_at_it_can_be_done_again_and_nothing_is_forgotten(left, tmp_path, backup):
    folders = [tmp_path / name for name in backup]
    died, done = interrupted(left, tmp_path / "copies", *folders)
    as_in_one_go = held_in(done)
    assert as_in_one_go
    for state_dir in died:
        restore(*folders, state_dir, replace=True) if backup else rebuild(state_dir)
        assert held_in(state_dir) == as_in_one_go, state_dir
        (taken,) = sinks_taken(*queues_aside(state_dir)).values()
        assert taken == ["here"], state_dir
        assert not [
            path.name for path in state_dir.iterdir() if path.name.startswith(("re", f"{QUEUE_FILE}-"))
        ]


def test_an_object_taken_by_a_queue_that_was_rebuilt_before_is_still_known_as_taken(left, tmp_path):
    first = rebuild(left).held
    second = rebuild(
        shutil.copytree(left, tmp_path / "second")
    ).held  # this process keeps the first one locked
    assert first == second
    assert any("it was taken by here" in group.reason for group in second)


def test_a_new_queue_whose_log_could_not_be_written_back_takes_nobodys_place(ward):
    made = ward.root / "made.sqlite"
    SqliteQueue.open(made).close()
    made.with_name("made.sqlite-wal").write_bytes(b"rows")
    with pytest.raises(QueueUnavailable, match="cannot be completed"):
        put_in_place(ward.root, {QUEUE_FILE: made}, 7)
    assert not (ward.root / "aside").exists()
