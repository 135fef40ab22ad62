"""When the disk fails: nothing is acknowledged, nothing is left, and nothing is tried twice on one file."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

import pytest

from hilum_core.spool import SpoolFailed, SpoolFull

PROGRAM = """
import sys, pathlib
from datetime import datetime, UTC
from hilum_core.spool import SpoolError, open_spool
from hilum_sdk import Association

root = pathlib.Path(sys.argv[1])
(root / "spool" / datetime.now(UTC).strftime("%Y%m%d/%H")).mkdir(parents=True)
spool = open_spool(root, 1, refuse_below_free=0)
if "no-probe" in sys.argv:
    spool._probed_at = float("inf")
for number in range(3):
    try:
        writer = spool.begin(
            sop_class_uid="1", sop_instance_uid=str(number), transfer_syntax_uid="3",
            association=Association(calling_ae="A", called_ae="B"), received_at=datetime.now(UTC),
        )
        writer.write([memoryview(bytes(1000))])
        writer.write([memoryview(bytes(1000))])
        print("stored", writer.commit().instance.data_set_bytes)
    except SpoolError as error:
        print(type(error).__name__, hex(error.status), error)
        writer.discard()
print(len([p for p in (root / "spool").rglob("*") if p.is_file()]), "files")
"""


def run(tmp_path, *inject, more=()):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    command = [strace, "-f", "-qq", "-o", tmp_path / "trace"]
    for fault in inject:
        command += ["-e", f"inject={fault}"]
    done = subprocess.run(
        [*command, sys.executable, "-c", PROGRAM, tmp_path, *more],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("call", ["writev", "pwrite64", "fdatasync"])
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
def test_full_disk_is_out_of_resources_and_the_next_object_is_tried(tmp_path, call, error):
    lines = run(tmp_path, f"{call}:error={error}:when=1")
    assert lines[0].startswith("SpoolFull 0xa700 spool: no room on the disk")
    assert lines[1:] == ["stored 2000", "stored 2000", "2 files"]


@pytest.mark.parametrize("call", ["writev", "pwrite64", "fdatasync"])
def test_failing_disk_must_sync_a_probe_before_it_is_trusted(tmp_path, call):
    lines = run(tmp_path, f"{call}:error=EIO:when=1")
    assert lines[0].startswith("SpoolFailed 0x110 spool: the disk failed")
    assert lines[1:] == ["stored 2000", "stored 2000", "2 files"]


def test_disk_that_does_not_sync_the_probe_takes_nothing(tmp_path):
    lines = run(tmp_path, "fdatasync:error=EIO")
    assert [line.partition(" ")[0] for line in lines] == ["SpoolFailed"] * 3 + ["0"]
    assert "does not sync a probe file yet" in lines[1]
    # One sync of the object, one of the probe, which is not repeated within the second.
    calls = (tmp_path / "trace").read_text().count("fdatasync(")
    assert calls == 2


def test_failed_sync_is_never_repeated_on_that_file(tmp_path):
    run(tmp_path, "fdatasync:error=EIO:when=1", more=["no-probe"])
    assert (tmp_path / "trace").read_text().count("fdatasync(") == 1


def test_file_that_cannot_be_created_is_a_failure(desk, monkeypatch):
    monkeypatch.setattr("os.open", lambda *_a, **_k: (_ for _ in ()).throw(OSError(errno.EROFS, "read-only")))
    with pytest.raises(SpoolFailed, match="creating a file: EROFS"):
        desk.begin()


def test_file_without_a_descriptor_for_it_is_out_of_resources_and_no_fault_of_the_disk(desk, monkeypatch):
    with monkeypatch.context() as few:
        few.setattr("os.open", lambda *_a, **_k: (_ for _ in ()).throw(OSError(errno.EMFILE, "")))
        with pytest.raises(SpoolFull, match="creating a file: EMFILE"):
            desk.begin()
    assert not desk.spool._suspect


def test_object_cut_by_a_limit_of_the_file_size_leaves_nothing(tmp_path):
    code = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit = f"{code} resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    done = subprocess.run(
        [sys.executable, "-c", limit + PROGRAM, tmp_path], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["SpoolFailed"] * 3 + ["0"]


def test_close_that_fails_is_a_failure(desk, monkeypatch):
    real = os.close

    def close(descriptor):
        real(descriptor)
        raise OSError(errno.EDQUOT, "quota")

    writer = desk.begin()
    writer.write([memoryview(b"x")])
    monkeypatch.setattr("os.close", close)
    with pytest.raises(SpoolFull, match="EDQUOT"):
        writer.commit()
    monkeypatch.undo()
    assert desk.files() == []
