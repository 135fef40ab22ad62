"""Room on the disk: refused in time, and a reserve for the queue alone."""

from __future__ import annotations

import errno
import os
import subprocess
from types import SimpleNamespace

import apsw
import pytest

from hilum_core.incarnation import Incarnation, is_live, prepare_state_dir
from hilum_core.queue import SqliteQueue
from hilum_core.spool import Ballast, DiskGuard, SpoolFull, space
from hilum_core.spool.space import EXPECTED_BYTES, GIB, MIB


class Disk:
    """Stands for statvfs; the time stands too."""

    def __init__(self, monkeypatch, size, free):
        self.size, self.free, self.asked, self.now = size, free, 0, 1000.0
        self.files, self.free_files = 10**6, 10**6
        monkeypatch.setattr(space.os, "statvfs", self.statvfs)
        monkeypatch.setattr(space, "time", SimpleNamespace(monotonic=lambda: self.now))

    def statvfs(self, _path):
        self.asked += 1
        return SimpleNamespace(
            f_frsize=4096,
            f_blocks=self.size // 4096,
            f_bavail=self.free // 4096,
            f_files=self.files,
            f_favail=self.free_files,
        )


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch, size=100 * GIB, free=20 * GIB)


def test_limit_is_the_greater_of_a_share_and_ten_gibibytes(disk, tmp_path):
    guard = DiskGuard(tmp_path)
    assert guard.has_room()
    disk.free, disk.now = 10 * GIB + EXPECTED_BYTES - 4096, disk.now + 1
    assert not guard.has_room()
    disk.size, disk.free, disk.now = 1000 * GIB, 49 * GIB, disk.now + 1
    assert not guard.has_room()
    disk.free, disk.now = 51 * GIB, disk.now + 1
    assert guard.has_room()


@pytest.mark.parametrize(
    ("files", "free_files", "has_room"),
    [(10**6, 1000, True), (10**6, 999, False), (2000, 100, True), (2000, 99, False), (0, 0, True)],
)
def test_files_that_can_still_be_made_are_room_too(disk, tmp_path, files, free_files, has_room):
    disk.files, disk.free_files = files, free_files
    assert DiskGuard(tmp_path).has_room() is has_room


def test_what_open_objects_still_need_is_kept_for_them(disk, tmp_path):
    disk.free = GIB + 3 * EXPECTED_BYTES
    guard = DiskGuard(tmp_path, refuse_below_free=GIB)
    for _ in range(2):
        guard.begun()
    assert guard.has_room()
    guard.begun()
    assert not guard.has_room()
    guard.wrote(0, EXPECTED_BYTES)
    assert guard.has_room()


def test_disk_is_asked_at_most_twice_a_second(disk, tmp_path):
    guard = DiskGuard(tmp_path, refuse_below_free=GIB)
    for _ in range(1000):
        guard.has_room()
    assert disk.asked == 1
    guard.wrote(20 * GIB, 0)
    assert not guard.has_room()
    disk.now += 0.5
    assert guard.has_room()
    assert disk.asked == 2


def test_disk_that_cannot_be_asked_has_no_room(monkeypatch, tmp_path):
    monkeypatch.setattr(space.os, "statvfs", lambda _p: (_ for _ in ()).throw(OSError(errno.EIO, "")))
    guard = DiskGuard(tmp_path)
    assert not guard.has_room()
    assert not guard.may_go_on()


def test_object_is_refused_and_associations_turned_away(make_desk, tmp_path):
    desk = make_desk(guard=DiskGuard(tmp_path, refuse_below_free=1 << 60))
    assert desk.spool.is_out_of_space()
    with pytest.raises(SpoolFull, match="too little room") as refused:
        desk.begin()
    assert refused.value.status == 0xA700
    assert desk.files() == []


def test_object_under_way_is_stopped_when_the_disk_becomes_too_full(disk, make_desk, tmp_path):
    desk = make_desk(guard=DiskGuard(tmp_path, refuse_below_free=GIB))
    writer = desk.begin()
    writer.write([memoryview(bytes(MIB))])
    disk.free, disk.now = GIB - 4096, disk.now + 1
    with pytest.raises(SpoolFull, match="has become too full"):
        writer.write([memoryview(bytes(MIB))])
    assert desk.files() == []
    assert desk.spool._guard._expected == 0


@pytest.mark.parametrize("size", [0, 1, EXPECTED_BYTES // 2, EXPECTED_BYTES + 3 * MIB])
def test_nothing_is_expected_any_more_when_objects_end(desk, size):
    guard = desk.spool._guard
    piece = memoryview(bytes(size))
    for end in ("commit", "discard"):
        writer = desk.begin()
        writer.write([piece])
        getattr(writer, end)()
        assert guard._expected == 0


def test_ballast_takes_room_and_gives_it_up_once(tmp_path):
    ballast = Ballast(tmp_path / "ballast", 4 * MIB)
    assert ballast.ensure(0)
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= 4 * MIB
    assert ballast.ensure(0)
    assert ballast.release()
    assert not ballast.release()


def test_ballast_that_cannot_be_made_stops_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr("os.open", lambda *_a, **_k: (_ for _ in ()).throw(OSError(errno.ENOSPC, "no inode")))
    assert not Ballast(tmp_path / "ballast", MIB).ensure(0)
    assert not Ballast(tmp_path / "nowhere" / "ballast", MIB).ensure(0)


def test_ballast_is_not_made_where_it_would_fill_the_disk(disk, tmp_path):
    disk.free = 5 * MIB
    assert not Ballast(tmp_path / "ballast", 4 * MIB).ensure(2 * MIB)
    assert not (tmp_path / "ballast").exists()


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 6 MiB, of which a queue can use up all."""
    where = tmp_path / "small"
    where.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", where], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("mount of a tmpfs is not allowed here")
    yield where
    subprocess.run(["umount", where], check=True)


def fill(folder):
    with (folder / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(4096))


def test_router_starts_on_a_full_disk(small_disk):
    umask = os.umask(0o077)
    prepare_state_dir(small_disk)
    Incarnation.claim(small_disk, "receive").close()
    SqliteQueue.open(small_disk / "queue.sqlite").close()
    Ballast(small_disk / "ballast", MIB).ensure(0)
    fill(small_disk)
    prepare_state_dir(small_disk)
    me = Incarnation.claim(small_disk, "deliver")
    assert is_live(small_disk, me.number)
    queue = SqliteQueue.open(small_disk / "queue.sqlite", me.number)
    queue.set_problem("disk", "full")
    queue.close()
    me.close()
    os.umask(umask)


def test_full_disk_takes_the_ballast_for_the_queue(small_disk):
    queue = SqliteQueue.open(small_disk / "queue.sqlite")
    ballast = Ballast(small_disk / "ballast", 2 * MIB)
    assert ballast.ensure(0)
    fill(small_disk)
    queue.set_problem("disk", "x" * 200_000)
    assert not (small_disk / "ballast").exists()
    assert [p.label for p in queue.status().problems] == ["disk"]
    queue.close()
    queue = SqliteQueue.open(small_disk / "queue.sqlite")
    assert [p.label for p in queue.status().problems] == ["disk"]
    queue.close()
    raw = apsw.Connection(str(small_disk / "queue.sqlite"))
    assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    raw.close()
