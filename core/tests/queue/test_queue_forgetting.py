"""Records of what is purged for long enough are forgotten, no others, and no number comes again."""

from __future__ import annotations

from datetime import timedelta

import apsw
import pytest

from hilum_core.clock import microseconds
from hilum_core.queue.reconcile import FOUND, reconcile
from hilum_core.queue.records import LaneStatus
from hilum_core.spool import DiskGuard, ObjectIds, Spool

KEEP = timedelta(days=30)


def forget(desk, *, limit=1000, keep=KEEP):
    """One pass, in steps of `limit`; how many records of objects went, and how many other lines."""
    now, numbers = desk.clock.now(), []
    for step in (desk.queue.forget_objects, desk.queue.forget_lines):
        number, after = 0, 0
        while after is not None:
            done = step(now - keep, now, after=after, limit=limit)
            number, after = number + done.number, done.go_on_after
        numbers.append(number)
    return tuple(numbers)


def deliver(desk, uid, checksum=1):
    object_id = desk.receive(uid, checksum)
    desk.route("pacs")
    desk.send()
    return object_id


def purge(desk):
    desk.clock.advance(timedelta(seconds=1))
    desk.queue.finish_purge(desk.queue.start_purge(desk.clock.now(), 1000))


def lane(desk, number):
    return LaneStatus(sink=f"s{number}", state="resting", reason="x", since=desk.clock.now())


def ids(desk):
    return [row.stored.instance.id for row in reversed(desk.queue.list_objects())]


def numbers(desk, sql):
    return apsw.Connection(str(desk.path)).execute(sql).fetchall()


def test_what_was_purged_before_the_time_to_keep_goes_with_all_that_belongs_to_it(desk):
    old = [deliver(desk, f"1.{number}") for number in range(5)]
    purge(desk)
    desk.clock.advance(KEEP + timedelta(hours=1))
    young = deliver(desk, "2.1")
    purge(desk)
    assert forget(desk, limit=2) == (5, 0)
    assert ids(desk) == [young]
    assert desk.queue.history(old[0]) is None
    assert desk.story(young)[0] == "received"
    for table in ("deliveries", "events"):
        assert numbers(
            desk, f"SELECT count(*) FROM {table} WHERE object NOT IN (SELECT seq FROM objects)"
        ) == [(0,)]
    assert forget(desk) == (0, 0)


def test_what_is_open_dead_held_or_has_its_bytes_is_never_forgotten(desk):
    dead = desk.receive("1.1")
    desk.route("pacs")
    desk.kill()
    desk.receive("1.2")
    held = desk.hold()
    gone = deliver(desk, "1.3")
    purge(desk)
    settled = deliver(desk, "1.4")
    waiting = desk.receive("1.5")
    desk.clock.advance(10 * KEEP)
    assert forget(desk) == (1, 0)
    assert ids(desk) == [dead, held, settled, waiting]
    assert desk.queue.history(gone) is None


def test_the_row_of_a_newer_version_stays_while_an_older_one_may_be_sent(desk):
    old = desk.receive("1.2.3", checksum=1)
    desk.hold()
    new = deliver(desk, "1.2.3", checksum=2)
    purge(desk)
    deliver(desk, "9.9")
    desk.clock.advance(2 * KEEP)
    assert forget(desk) == (0, 0)
    desk.queue.release([old], by="mona", because="test")
    desk.route("pacs")
    assert desk.deliveries(old) == {"pacs": "superseded"}
    purge(desk)
    desk.clock.advance(2 * KEEP)
    deliver(desk, "9.10")
    assert forget(desk) == (3, 0)
    assert new not in ids(desk)


def test_no_number_is_given_twice(desk):
    deliver(desk, "1.1")
    last = deliver(desk, "1.2")
    purge(desk)
    desk.clock.advance(2 * KEEP)
    cursor = desk.queue.events(0, 1000)[-1].cursor
    assert forget(desk) == (1, 0)
    assert ids(desk) == [last]
    assert desk.queue.last_object_id() == last
    before = numbers(desk, "SELECT max(seq) FROM objects UNION ALL SELECT max(seq) FROM deliveries")
    deliver(desk, "1.3")
    assert numbers(desk, "SELECT seq FROM objects UNION ALL SELECT seq FROM deliveries")
    after = numbers(desk, "SELECT max(seq) FROM objects UNION ALL SELECT max(seq) FROM deliveries")
    assert [new - old for (new,), (old,) in zip(after, before, strict=True)] == [1, 1]
    assert next(event.cursor for event in desk.queue.events(cursor, 1000)) == cursor + 1


def test_the_last_object_stays_also_where_nothing_was_delivered_of_it(desk):
    deliver(desk, "1.1")
    last = desk.receive("1.2")
    desk.queue.cancel([last], by="mona", because="test")
    purge(desk)
    desk.clock.advance(2 * KEEP)
    desk.queue.set_lane(lane(desk, 1), tell=True)
    deliveries = numbers(desk, "SELECT max(seq) FROM deliveries")
    assert forget(desk) == (0, 0)
    assert last in ids(desk)
    assert numbers(desk, "SELECT max(seq) FROM deliveries") == deliveries


def test_the_object_of_the_last_delivery_stays_though_others_came_later(desk):
    """A delivery that a person ordered late has the greatest number, its object has not."""
    first = desk.receive("1.1")
    desk.hold()
    deliver(desk, "1.2")
    desk.queue.release([first], by="mona", because="test", sinks=["research"])
    desk.send("research")
    purge(desk)
    desk.receive("1.3")
    desk.clock.advance(2 * KEEP)
    assert forget(desk) == (1, 0)
    assert first in ids(desk)


def test_lines_that_belong_to_no_object_go_by_their_own_time(desk):
    for number in range(3):
        desk.queue.set_lane(lane(desk, number), tell=True)
    desk.clock.advance(2 * KEEP)
    desk.queue.set_lane(lane(desk, 9), tell=True)
    assert forget(desk, limit=2) == (0, 3)
    assert [event.kind for event in desk.queue.events(0, 10)] == ["lane"]


@pytest.mark.parametrize("step", [timedelta(days=7300), timedelta(days=-7300)])
def test_a_clock_that_is_set_forgets_nothing_of_the_times_that_it_has_shown(desk, step):
    deliver(desk, "1.1")
    purge(desk)
    before = desk.clock.now()
    deliver(desk, "1.2")
    desk.clock.advance(step)
    now = desk.clock.now()
    kept = min(before, now) - KEEP, max(before, now)
    assert desk.queue.forget_objects(*kept, limit=100).number == 0


def test_a_file_of_a_forgotten_object_that_comes_back_is_held_and_not_sent_again(desk, tmp_path):
    spool = Spool(tmp_path, 7, ObjectIds(7, desk.clock), guard=DiskGuard(tmp_path, refuse_below_free=0))
    desk.clock.advance(timedelta(minutes=1))
    stored = spool.begin(
        sop_class_uid="1",
        sop_instance_uid="1.1",
        transfer_syntax_uid="1.2.840.10008.1.2",
        association=desk.stored().instance.association,
        received_at=desk.clock.now(),
    ).commit()
    desk.queue.add_objects([stored])
    desk.clock.advance(timedelta(seconds=1))
    desk.route("pacs")
    desk.send()
    purge(desk)
    desk.clock.advance(2 * KEEP)
    deliver(desk, "1.2")
    assert forget(desk) == (1, 0)
    assert microseconds(desk.queue.trusted_since()) > microseconds(stored.instance.received_at)
    found = reconcile(spool, desk.queue)
    assert (found.received, found.held) == (0, 1)
    (row,) = desk.queue.list_objects(states=["held"])
    assert row.stored.instance.id == stored.instance.id
    assert FOUND in row.reason
