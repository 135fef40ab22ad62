"""Files find their places by their ids, move when settled, go when purged, and folders go with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hilum_core.clock import ManualClock
from hilum_core.spool import ObjectIds, open_spool, rendering_name, verify
from hilum_core.spool.layout import newest_id


def test_settled_object_moves_and_is_found_again(desk):
    stored = desk.store()
    object_id = stored.instance.id
    received = desk.spool.locate(object_id)
    desk.spool.settle([object_id])
    assert desk.spool.locate(object_id) == desk.root / "settled" / "20260101" / "12" / f"{object_id}.dcm"
    assert verify(desk.spool.locate(object_id)) == stored
    assert not received.exists()
    assert not received.parent.parent.exists()


def test_settling_twice_or_what_is_not_there_is_harmless(desk):
    stored = desk.store()
    desk.spool.settle([stored.instance.id] * 2)
    desk.spool.settle(["0" * 16])
    assert verify(desk.spool.locate(stored.instance.id)) == stored


def test_object_that_cannot_be_moved_stays_where_it_is(desk):
    stored = desk.store()
    (desk.root / "settled").write_text("in the way")
    desk.spool.settle([stored.instance.id])
    assert verify(desk.spool.locate(stored.instance.id)) == stored


def test_removed_object_is_gone_with_its_renderings_and_empty_folders(desk):
    settled, waiting = desk.store(uid="1"), desk.store(uid="2")
    name = rendering_name(settled.instance.id, "0a1b")
    rendering = desk.spool.rendering_path(name)
    assert not rendering.parent.exists()
    rendering.parent.mkdir(parents=True)
    rendering.write_bytes(b"x")
    desk.spool.settle([settled.instance.id])
    desk.spool.remove([settled.instance.id])
    desk.spool.remove([settled.instance.id])
    assert desk.files() == [f"spool/20260101/12/{waiting.instance.id}.dcm"]
    assert not (desk.root / "settled" / "20260101").exists()
    assert not (desk.root / "renderings" / "20260101").exists()
    desk.spool.remove([waiting.instance.id])
    assert desk.files() == []


def test_object_that_is_moved_while_it_is_removed_is_gone(desk, monkeypatch):
    object_id = desk.store().instance.id
    unlink = Path.unlink

    def unlink_and_wait(path, **options):
        unlink(path, **options)
        desk.spool.settle([object_id])  # DELIVER was slow: it moves the file between our two steps

    monkeypatch.setattr(Path, "unlink", unlink_and_wait)
    desk.spool.remove([object_id])
    assert desk.files() == []


def test_folder_that_was_removed_is_made_again(desk):
    desk.spool.remove([desk.store().instance.id])
    assert verify(desk.path(desk.store()))


def test_renderings_have_one_name_per_identity(desk):
    object_id = desk.store().instance.id
    names = {rendering_name(object_id, identity) for identity in ("0a", "0b")}
    assert len(names) == 2
    assert {desk.spool.rendering_path(name).parent.name for name in names} == {object_id}


@pytest.mark.parametrize("name", ["", "x.dcm", "../../etc/passwd", "0123456789abcdef-/../../x"])
def test_other_names_are_no_renderings(desk, name):
    with pytest.raises(ValueError, match="is not the name of a rendering"):
        desk.spool.rendering_path(name)


def test_file_is_set_aside_and_never_deleted(desk):
    stored = desk.store()
    path = desk.path(stored)
    assert desk.spool.set_aside(path)
    assert not desk.spool.set_aside(path)
    assert desk.files() == [f"spool/incomplete/{path.name}"]


def test_hours_are_walked_oldest_first(desk, clock):
    stored = []
    for _ in range(4):
        stored.append(desk.store().instance.id)
        clock.advance(timedelta(hours=11))
    (desk.root / "spool" / "incomplete").mkdir()
    (desk.root / "spool" / "20260101" / "notes.txt").write_text("")

    walked = [i for hour in desk.spool.hours() for i in sorted(desk.spool.ids_of_hour(hour))]
    assert walked == stored


def test_new_ids_come_after_all_that_are_on_the_disk(desk, clock):
    first, second = desk.store(uid="1").instance.id, desk.store(uid="2").instance.id
    assert newest_id(desk.root / "spool", desk.root / "settled") == second
    desk.spool.settle([second])
    assert newest_id(desk.root / "spool", desk.root / "settled") == second
    desk.spool.remove([second])
    assert newest_id(desk.root / "spool", desk.root / "settled") == first
    clock.advance(timedelta(days=-3))
    again = open_spool(desk.root, 2, clock=clock, refuse_below_free=0)
    assert again._ids.new() > first
    desk.spool.remove([first])
    assert newest_id(desk.root / "spool", desk.root / "settled") is None


def test_new_ids_come_after_those_of_the_queue_whose_bytes_are_gone(desk, clock):
    """A clock that was years ahead once: what it dated is purged, and its row stays."""
    stored = desk.store().instance.id
    gone = ObjectIds(9, ManualClock(clock.now() + timedelta(days=3650))).new()
    for last_id in (gone, stored, None):
        spool = open_spool(desk.root, 2, clock=clock, refuse_below_free=0, last_id=last_id)
        assert spool._ids.new() > max(stored, last_id or "")
