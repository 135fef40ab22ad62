"""An older copy of the queue is known by its mark, and sends nothing again by itself."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from hilum_core.queue import MARK_FILE, MarkKeeper, Origin, QueueDamaged, QueueUnavailable, SqliteQueue, admit
from hilum_core.queue.mark import is_behind, read_mark, write_mark
from hilum_core.queue.reconcile import reconcile
from hilum_core.queue.records import Distrusted
from hilum_core.spool import Spool


@pytest.fixture
def copied(desk, tmp_path):
    """Take a copy of the queue as it is; what comes back puts it in place."""
    (tmp_path / "run").mkdir()

    def copy():
        desk.queue.close()
        copy = tmp_path / "copy.sqlite"
        shutil.copy(desk.path, copy)

        def put_back():
            desk.queue.close()
            for file in tmp_path.glob("queue.sqlite*"):
                file.unlink()
            shutil.copy(copy, desk.path)
            desk.clock.advance(timedelta(hours=1))

        desk.queue = SqliteQueue.open(desk.path, 1, desk.clock)
        return put_back

    return copy


def reopen(desk):
    desk.queue = SqliteQueue.open(desk.path, 1, desk.clock)


def test_the_queue_that_was_here_last_is_admitted_as_it_is(desk, tmp_path):
    object_id = desk.receive()
    desk.route("pacs")
    for _ in range(3):
        assert admit(tmp_path, desk.clock).origin is Origin.KNOWN
    assert desk.deliveries(object_id) == {"pacs": "ready"}
    assert read_mark(tmp_path) == desk.queue.last_mark() == 3


def test_an_older_copy_is_noticed_and_holds_all_that_it_would_send_again(desk, tmp_path, copied):
    sent = desk.receive("1.2.1")
    desk.route("pacs", "research")
    desk.send("pacs")
    rendered = desk.receive("1.2.2")
    desk.route("safe", chain=("edit",))
    dead = desk.receive("1.2.3")
    desk.route("teaching")
    desk.kill("teaching")
    waiting = desk.receive("1.2.4")
    in_hand = desk.receive("1.2.5")
    desk.queue.claim_objects(2)
    admit(tmp_path, desk.clock)
    put_back = copied()
    admit(tmp_path, desk.clock)
    put_back()

    found = admit(tmp_path, desk.clock)
    assert found.origin is Origin.OLDER
    assert found.held == Distrusted(objects=2, deliveries=2)
    reopen(desk)
    assert desk.deliveries(sent) == {"pacs": "delivered", "research": "held"}
    assert desk.deliveries(rendered) == {"safe": "held"}
    assert desk.deliveries(dead) == {"teaching": "dead"}
    assert [desk.state(one) for one in (waiting, in_hand)] == ["held", "held"]
    assert desk.queue.list_objects(states=["held"])[0].reason.startswith("restored: ")
    assert "put back" in desk.delivery(sent, "research").last_failure.text
    assert desk.queue.claim_objects(10) == desk.queue.claim_deliveries("research", 10) == []
    assert admit(tmp_path, desk.clock).origin is Origin.KNOWN


def test_what_was_held_goes_on_when_a_person_releases_it(desk):
    routed = desk.receive("1.2.1")
    desk.route("pacs")
    rendered = desk.receive("1.2.2")
    desk.route("safe", chain=("edit",))
    received = desk.receive("1.2.3")
    desk.queue.distrust("a test")
    desk.queue.release([routed, rendered, received], by="ann", because="looked")
    assert desk.deliveries(routed) == {"pacs": "ready"}
    assert desk.deliveries(rendered) == {"safe": "unrendered"}
    assert desk.state(received) == "received"
    desk.render()
    assert desk.deliveries(rendered) == {"safe": "ready"}


def test_an_outcome_that_comes_after_the_queue_was_distrusted_changes_nothing(desk):
    object_id = desk.receive()
    desk.route("pacs")
    (claimed,) = desk.queue.claim_deliveries("pacs", 1)
    desk.queue.distrust("a test")
    desk.queue.settle_deliveries([desk.sent(claimed)])
    assert desk.deliveries(object_id) == {"pacs": "held"}


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_queue_that_is_gone_is_made_anew_and_told_from_a_first_one(desk, tmp_path, is_empty):
    desk.queue.close()
    admit(tmp_path, desk.clock)
    for file in tmp_path.glob("queue.sqlite*"):
        file.unlink()
    if is_empty:
        desk.path.touch()
    assert admit(tmp_path, desk.clock).origin is Origin.REMADE
    assert admit(tmp_path, desk.clock).origin is Origin.KNOWN


def test_the_first_queue_of_a_state_directory_is_no_news(tmp_path, clock):
    assert admit(tmp_path, clock).origin is Origin.FIRST


DAMAGES = {
    "garbage": lambda data: b"\x5a" * len(data),
    "the header is gone": lambda data: bytes(4096) + data[4096:],
    "random pages": lambda data: data[:4096] + b"\xa5" * (len(data) - 4096),
    "truncated": lambda data: data[:6000],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_of_any_kind_is_told_from_a_queue_that_is_busy(desk, damage):
    desk.receive()
    desk.queue.close()
    desk.path.write_bytes(damage(desk.path.read_bytes()))
    with pytest.raises(QueueDamaged, match="hilum doctor --rebuild"):
        SqliteQueue.open(desk.path, 1, desk.clock).claim_objects(10)


def test_the_log_of_another_queue_is_passed_over(desk):
    object_id = desk.receive()
    desk.queue.close()
    desk.path.with_name("queue.sqlite-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(100_000))
    reopen(desk)
    assert desk.state(object_id) == "received"


def test_a_lost_log_leaves_an_older_queue_that_is_known_as_such(desk, tmp_path):
    object_id = desk.receive()
    desk.queue._session._connection.wal_checkpoint()
    before = desk.path.read_bytes()
    admit(tmp_path, desk.clock)
    desk.queue.close()
    desk.path.write_bytes(before)
    assert admit(tmp_path, desk.clock).origin is Origin.OLDER
    reopen(desk)
    assert desk.state(object_id) == "held"


def test_a_damaged_queue_is_left_as_it_is(tmp_path, clock):
    path = tmp_path / "queue.sqlite"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(QueueDamaged, match="hilum doctor --rebuild"):
        admit(tmp_path, clock)
    assert path.read_bytes() == b"not a database at all" * 1000


def test_the_mark_moves_only_when_something_happens(desk, tmp_path):
    admit(tmp_path, desk.clock)
    keeper = MarkKeeper(tmp_path, desk.queue)
    keeper.keep()
    assert read_mark(tmp_path) == 1
    desk.receive()
    keeper.keep()
    keeper.keep()
    assert read_mark(tmp_path) == desk.queue.last_mark() == 2
    desk.receive()
    keeper.keep_if_due()  # it is not yet
    assert read_mark(tmp_path) == 2


def test_a_mark_that_the_disk_does_not_take_leaves_the_one_before(desk, tmp_path):
    admit(tmp_path, desk.clock)
    desk.receive()
    (tmp_path / f"{MARK_FILE}.new").mkdir()
    MarkKeeper(tmp_path, desk.queue).keep()
    assert read_mark(tmp_path) == 1
    assert not is_behind(tmp_path, desk.queue)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"twelve", b"-3"])
def test_a_mark_that_cannot_be_read_is_no_mark(tmp_path, content):
    (tmp_path / MARK_FILE).write_bytes(content)
    assert read_mark(tmp_path) == 0


def test_reconcile_waits_until_somebody_has_looked_at_an_older_copy(desk, tmp_path):
    write_mark(tmp_path, 5)
    with pytest.raises(QueueUnavailable, match="older than its state directory"):
        reconcile(Spool(tmp_path, 1), desk.queue)
