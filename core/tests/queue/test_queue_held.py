"""What is held, by reason, day and sender: counted, released and cancelled by the thousand."""

from __future__ import annotations

from datetime import timedelta

from hilum_core.queue.records import HeldFilter

ALL = HeldFilter()


def hold_some(desk):
    """Two objects found on one day, one on the next by another sender, and a delivery of an older copy."""
    found = [desk.stored("1.2.1"), desk.stored("1.2.2")]
    desk.queue.add_objects(found, found="found without a record")
    desk.receive("1.2.3")
    desk.route("pacs")
    desk.queue.distrust("a copy")
    desk.clock.advance(timedelta(days=1))
    late = desk.stored("1.2.4", peer=None, calling_ae="MR2")
    desk.queue.add_objects([late], found="found without a record; it lay in settled/")
    return [one.instance.id for one in (*found, late)]


def counted(desk, **which):
    groups = desk.queue.held_groups(HeldFilter(**which))
    return {(one.reason, one.day, one.sender, one.sink): one.number for one in groups}


def test_what_is_held_is_counted_by_reason_day_sender_and_sink(desk):
    hold_some(desk)
    assert counted(desk) == {
        ("found without a record", "2026-01-01", "ct1", ""): 2,
        ("found without a record; it lay in settled/", "2026-01-02", "MR2", ""): 1,
        ("restored: a copy", "2026-01-01", "ct1", "pacs"): 1,
    }
    assert sum(counted(desk, reason="found").values()) == 3
    assert sum(counted(desk, day="2026-01-01").values()) == 3
    assert sum(counted(desk, sender="MR2", reason="settled/").values()) == 1
    assert sum(counted(desk, sink="pacs").values()) == 1
    assert counted(desk, day="2026-01-03") == {}


def test_release_of_many_skips_what_is_not_held_any_more(desk):
    ids = hold_some(desk)
    held = desk.queue.list_held(ALL)
    desk.queue.cancel([ids[0]], by="ann", because="")
    acted = desk.queue.release_each(held, by="ann", because="looked")
    assert (acted.done, acted.skipped) == (3, 1)
    assert desk.state(ids[1]) == desk.state(ids[2]) == "received"
    assert desk.queue.list_held(ALL) == []


def test_cancel_of_held_ones_settles_them_and_leaves_what_goes_on(desk):
    hold_some(desk)
    held = desk.queue.list_held(ALL)
    desk.queue.release([held[0]], by="ann", because="")
    acted = desk.queue.cancel_held(held, by="ann", because="sent long ago")
    assert (acted.done, acted.skipped) == (3, 1)
    assert desk.state(held[0]) == "received"
    assert len(desk.settled()) == 3
