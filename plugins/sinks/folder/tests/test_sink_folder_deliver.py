"""Files in a folder: whole, once, under the right name, and what a failing disk says."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from hilum_sdk import DestinationUnavailable, PermanentError, TemporaryError
from hilum_sdk.config import structure
from hilum_sdk.testing import (
    PLANTED,
    FakeContext,
    assert_silent_about_patients,
    data_set_bytes,
    item_from,
    make_object,
)
from hilum_sink_folder.config import FolderConfig
from hilum_sink_folder.sink import FolderSink
from hilum_sink_folder.writer import INCOMING


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    return path


@pytest.fixture
def sink(tmp_path, folder):
    made = []

    def make(**settings):
        config = structure(
            {"path": str(folder), "layout": "{PatientID}/{SeriesNumber}.dcm", **settings}, FolderConfig
        )
        sink = FolderSink(config, FakeContext(tmp_path, label="sinks.out"))
        sink.open()
        made.append(sink)
        return sink

    yield make
    for one in made:
        one.close(timedelta(0))


def _files(folder):
    return {
        str(path.relative_to(folder)): path
        for path in folder.rglob("*")
        if path.is_file() and INCOMING not in path.parts
    }


def _left(folder):
    return [path.name for path in (folder / INCOMING).iterdir() if path.name != "lock"]


def _pair(tmp_path):
    """Two objects that differ and have one name in the layout of these tests."""
    return make_object(tmp_path, seed=1, rows=8), make_object(tmp_path, seed=2, rows=8)


def test_a_file_has_minimal_meta_information_and_the_data_set_as_it_is(tmp_path, folder, sink):
    path = make_object(tmp_path)
    receipt = sink().deliver(item_from(path))
    (file,) = _files(folder).values()
    assert data_set_bytes(file) == data_set_bytes(path)
    assert receipt.location == str(file)
    assert receipt.warning is None
    assert file.read_bytes() == item_from(path).part10().read()


def test_modes_are_as_the_config_says_whatever_the_umask(tmp_path, folder, sink):
    before = os.umask(0o077)
    try:
        sink(file_mode="0640").deliver(item_from(make_object(tmp_path)))
    finally:
        os.umask(before)
    (file,) = _files(folder).values()
    assert file.stat().st_mode & 0o7777 == 0o640
    assert file.parent.stat().st_mode & 0o7777 == 0o750


def test_new_folders_inherit_the_group_where_the_parent_says_so(tmp_path, folder, sink):
    folder.chmod(0o2770)
    sink().deliver(item_from(make_object(tmp_path)))
    (file,) = _files(folder).values()
    assert file.parent.stat().st_mode & 0o7777 == 0o2750


def test_an_identical_object_is_not_written_again(tmp_path, folder, sink):
    for exists in ("keep", "overwrite", "number"):
        item = item_from(make_object(tmp_path))
        first = sink(exists=exists).deliver(item)
        written_at = Path(first.location).stat().st_mtime_ns
        second = sink(exists=exists).deliver(item)
        assert second == first
        assert Path(first.location).stat().st_mtime_ns == written_at
        assert len(_files(folder)) == 1


def test_number_keeps_all_and_says_so(tmp_path, folder, sink):
    paths = [make_object(tmp_path, seed=seed, rows=8) for seed in range(3)]
    one = sink(exists="number")
    receipts = [one.deliver(item_from(path)) for path in paths]
    again = [one.deliver(item_from(path)) for path in paths]
    assert sorted(_files(folder)) == [f"{PLANTED[1]}/3-2.dcm", f"{PLANTED[1]}/3-3.dcm", f"{PLANTED[1]}/3.dcm"]
    assert again == receipts
    assert receipts[0].warning is None
    assert receipts[1].warning == "another object has this name; stored beside it under a number"


def test_overwrite_keeps_the_last(tmp_path, folder, sink):
    first, last = _pair(tmp_path)
    one = sink(exists="overwrite")
    one.deliver(item_from(first))
    one.deliver(item_from(last))
    (file,) = _files(folder).values()
    assert data_set_bytes(file) == data_set_bytes(last)


def test_keep_keeps_the_first_and_refuses_the_other(tmp_path, folder, sink):
    first, last = _pair(tmp_path)
    one = sink(exists="keep")
    one.deliver(item_from(first))
    with pytest.raises(PermanentError) as caught:
        one.deliver(item_from(last))
    assert str(caught.value).startswith("sinks.out.exists: another object has this name and is kept; use ")
    (file,) = _files(folder).values()
    assert data_set_bytes(file) == data_set_bytes(first)
    assert _left(folder) == []


@pytest.mark.parametrize("there", ["text", "fifo", "dangling link", "folder"])
def test_what_stands_there_and_is_no_object_is_left_alone(tmp_path, folder, sink, there):
    path = make_object(tmp_path)
    place = folder / PLANTED[1] / "3.dcm"
    place.parent.mkdir()
    match there:
        case "text":
            place.write_text("not DICOM")
        case "fifo":
            os.mkfifo(place)
        case "dangling link":
            place.symlink_to("nowhere")
        case "folder":
            place.mkdir()
    receipt = sink(exists="number").deliver(item_from(path))
    assert receipt.location == str(folder / PLANTED[1] / "3-2.dcm")
    assert place.is_symlink() or place.exists()


def test_a_file_where_a_folder_must_be_fails_this_object_only(tmp_path, folder, sink):
    (folder / PLANTED[1]).write_text("in the way")
    one = sink()
    with pytest.raises(PermanentError) as caught:
        one.deliver(item_from(make_object(tmp_path)))
    assert str(caught.value) == (
        "sinks.out.layout: a file stands where this object needs a folder, or a folder where it needs a "
        "file; move it"
    )
    one.deliver(item_from(make_object(tmp_path, elements={"PatientID": "OTHER"})))


def test_workers_that_deliver_at_once_lose_nothing(tmp_path, folder, sink):
    paths = [make_object(tmp_path, seed=seed, rows=8) for seed in range(12)]
    sinks = [sink(exists="number") for _ in range(4)]

    def work(one):
        for path in paths:
            one.deliver(item_from(path))

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, sinks))
    assert sorted(map(data_set_bytes, _files(folder).values())) == sorted(map(data_set_bytes, paths))
    assert _left(folder) == []


def test_what_a_crashed_run_left_is_cleared_at_open(folder, sink):
    (folder / INCOMING).mkdir()
    (folder / INCOMING / "x.part").write_bytes(b"half")
    sink()
    assert _left(folder) == []


def test_what_another_worker_is_writing_is_not_cleared(folder, sink):
    sink()
    (folder / INCOMING / "x.part").write_bytes(b"half")
    sink()
    assert _left(folder) == ["x.part"]


@pytest.mark.parametrize("exists", ["keep", "number", "overwrite"])
def test_works_where_there_are_no_hard_links(tmp_path, folder, sink, exists, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = make_object(tmp_path)
    one = sink(exists=exists)
    for _ in range(2):
        one.deliver(item_from(path))
    (file,) = _files(folder).values()
    assert data_set_bytes(file) == data_set_bytes(path)


def test_every_new_name_is_synced_before_the_receipt(tmp_path, folder, sink, monkeypatch):
    synced = []
    fsync, fdatasync, link = os.fsync, os.fdatasync, os.link

    def note(what, call):
        def noted(*args, **kwargs):
            target = args[1] if what == "link" else Path(f"/proc/self/fd/{args[0]}").readlink()
            synced.append((what, os.path.relpath(target, folder)))
            return call(*args, **kwargs)

        return noted

    one = sink(layout="{PatientID}/{StudyDate}/{SeriesNumber}.dcm")
    monkeypatch.setattr(os, "fsync", note("fsync", fsync))
    monkeypatch.setattr(os, "fdatasync", note("fdatasync", fdatasync))
    monkeypatch.setattr(os, "link", note("link", link))
    one.deliver(item_from(make_object(tmp_path)))
    assert [what for what, _ in synced] == ["fdatasync", "fsync", "fsync", "link", "fsync"]
    assert [name for _, name in synced[1:]] == [
        ".",
        PLANTED[1],
        f"{PLANTED[1]}/20260101/3.dcm",
        f"{PLANTED[1]}/20260101",
    ]


def test_folders_that_were_removed_meanwhile_are_made_again(tmp_path, folder, sink):
    one = sink()
    first = one.deliver(item_from(make_object(tmp_path, seed=1)))
    Path(first.location).unlink()
    Path(first.location).parent.rmdir()
    one.deliver(item_from(make_object(tmp_path, seed=2)))
    assert len(_files(folder)) == 1


def test_an_object_that_cannot_be_read_is_written_as_if_it_said_nothing(tmp_path, folder, sink):
    path = make_object(tmp_path)
    whole = path.read_bytes()
    cut = whole.index(b"\x08\x00\x05\x00CS")
    path.write_bytes(whole[:cut] + b"\x08\x00\x05\x00CS\xff\xff")
    receipt = sink(layout="{PatientID}/{SOPInstanceUID}.dcm").deliver(item_from(path))
    (name,) = _files(folder)
    assert name == f"unknown/{item_from(path).sop_instance_uid}.dcm"
    assert receipt.warning == "its elements cannot be read; named as if all were missing"


# ---- when it cannot be written


def test_a_missing_folder_rests_the_lane_and_is_not_made(tmp_path):
    config = structure({"path": str(tmp_path / "missing")}, FolderConfig)
    one = FolderSink(config, FakeContext(tmp_path, label="sinks.out"))
    said = f"sinks.out.path: {tmp_path}/missing is not there; make the folder, or mount what belongs there"
    for call in (one.probe, one.open, one.probe, lambda: one.deliver(item_from(make_object(tmp_path)))):
        with pytest.raises(DestinationUnavailable) as caught:
            call()
        assert str(caught.value) == said
    one.close(timedelta(0))
    assert not (tmp_path / "missing").exists()


def test_a_folder_that_goes_away_while_it_works_rests_the_lane(tmp_path, folder, sink):
    one = sink()
    folder.rename(tmp_path / "unmounted")
    folder.mkdir()  # the empty folder on which it was mounted
    with pytest.raises(DestinationUnavailable):
        one.deliver(item_from(make_object(tmp_path)))
    with pytest.raises(DestinationUnavailable):
        one.probe()
    assert list(folder.iterdir()) == []


def _failing(number):
    def fail(*_args, **_kwargs):
        raise OSError(number, os.strerror(number), "/out/Planted-Zyx/file.dcm")

    return fail


@pytest.mark.parametrize(
    "case",
    [
        (errno.ENOSPC, DestinationUnavailable, "is full; free space on it"),
        (errno.EDQUOT, DestinationUnavailable, "is full; free space on it"),
        (
            errno.ENAMETOOLONG,
            PermanentError,
            "cannot hold the name of this object; use other fields, or fewer",
        ),
        (errno.EXDEV, PermanentError, "on another file system; use a sink for each of them"),
        (errno.EACCES, TemporaryError, "though others can; look at the permissions of its folder"),
        (errno.EIO, TemporaryError, "though others can; look at the permissions of its folder"),
    ],
)
def test_what_a_failed_write_means(tmp_path, folder, sink, monkeypatch, case):
    number, kind, said = case
    one = sink()
    monkeypatch.setattr(os, "link", _failing(number))
    with pytest.raises(kind) as caught:
        one.deliver(item_from(make_object(tmp_path)))
    assert str(caught.value).endswith(said)
    assert_silent_about_patients(one.context, caught.value)
    assert _files(folder) == {}
    assert _left(folder) == []


def test_a_disk_that_fills_up_half_way_leaves_nothing_and_rests_the_lane(tmp_path, folder, sink, monkeypatch):
    one = sink()
    monkeypatch.setattr(os, "fdatasync", _failing(errno.ENOSPC))
    with pytest.raises(DestinationUnavailable) as caught:
        one.deliver(item_from(make_object(tmp_path)))
    assert str(caught.value) == f"sinks.out.path: {folder} is full; free space on it"
    assert _files(folder) == {}
    assert _left(folder) == []


def test_a_folder_that_nobody_can_write_rests_the_lane(tmp_path, folder, sink, monkeypatch):
    one = sink()
    monkeypatch.setattr(os, "link", _failing(errno.EROFS))
    monkeypatch.setattr(os, "fsync", _failing(errno.EROFS))
    for call in (lambda: one.deliver(item_from(make_object(tmp_path))), one.probe):
        with pytest.raises(DestinationUnavailable) as caught:
            call()
        assert str(caught.value) == (
            f"sinks.out.path: {folder} cannot be written (Read-only file system); "
            "the router's user must be able to"
        )


def test_long_objects_say_that_they_are_alive(tmp_path, sink):
    one = sink()
    one.deliver(item_from(make_object(tmp_path, rows=1200)))
    assert one.context.beats >= 2
