"""The disk fails under the queue, and under an object that is to be sent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest

from hilum_core.queue import SqliteQueue
from hilum_core.testing import running_router, send

WITHIN_S = 60
READS_FAIL = "read,pread64,preadv,preadv2:error=EIO"
COMMITTING = """
import pathlib, sys
from datetime import UTC, datetime
from hilum_core.queue import GroupCommit, SqliteQueue
from hilum_core.spool import open_spool
from hilum_sdk import Association

root = pathlib.Path(sys.argv[1])
spool = open_spool(root, 1, refuse_below_free=0)
commits = GroupCommit(lambda: SqliteQueue.open(root / "queue.sqlite", 1), lambda: None, print)
writer = spool.begin(
    sop_class_uid="1", sop_instance_uid="1.2", transfer_syntax_uid="3",
    association=Association(calling_ae="A", called_ae="B"), received_at=datetime.now(UTC),
)
writer.write([memoryview(bytes(1000))])
stored = writer.commit()
commits.submit(stored)
print("left", commits.close(60))
queue = SqliteQueue.open(root / "queue.sqlite", 1)
print("known", queue.known_objects([stored.instance.id]) == {stored.instance.id})
"""


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EDQUOT"])
def test_queue_that_cannot_be_written_is_tried_on_until_it_has_the_row(strace, tmp_path, call, error):
    wal, trace = tmp_path / "queue.sqlite-wal", tmp_path / "trace"
    SqliteQueue.open(tmp_path / "queue.sqlite").close()
    begun = 3 if call == "pwrite64" else 2  # the first of them begin the log
    inject = f"inject={call}:error={error}:when={begun}..{begun + 1}"
    run = subprocess.run(
        [
            strace,
            "-f",
            "-qq",
            "-o",
            trace,
            "-P",
            wal,
            "-e",
            inject,
            sys.executable,
            "-c",
            COMMITTING,
            tmp_path,
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = run.stdout.splitlines()
    assert lines[-2:] == ["left 0", "known True"], run.stderr
    assert "(INJECTED)" in trace.read_text()
    assert not _writes_after_a_failed_sync(trace.read_text())


def _writes_after_a_failed_sync(trace: str) -> int:
    """What is written to a log behind a hole: after a failed sync, and before the log was emptied."""
    calls = re.findall(r"(pwrite64|fdatasync|ftruncate)\(.*\)\s+= (-?\d+)", trace)
    has_hole, writes = False, 0
    for call, result in calls:
        has_hole = (call, result) == ("fdatasync", "-1") or (has_hole and call != "ftruncate")
        writes += has_hole and call == "pwrite64"
    return writes


def test_object_that_the_disk_cannot_read_is_held_and_goes_on_when_a_person_says_so(
    failing, make_object, hilum, tmp_path
):
    (tmp_path / "sink").mkdir()
    config = f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        [sinks.folder]
        type = "folder"
        path = "{tmp_path / "sink"}"
        layout = "{{SOPInstanceUID}}.dcm"
        [[routes]]
        name = "all"
        sinks = ["folder"]
        """
    first, second = (make_object(tmp_path / "objects", number) for number in (1, 2))
    with running_router(tmp_path, config) as router:
        (coordinator,) = router.wait_until(lambda: router.processes().get("deliver"))
        (worker,) = router.wait_until(lambda: router.processes().get("deliver.worker"))
        os.kill(coordinator, signal.SIGSTOP)
        assert set(send([first], router.port).values()) == {0}
        (path,) = (router.state_dir / "spool").rglob("*.dcm")
        with failing(worker, path, READS_FAIL):
            os.kill(coordinator, signal.SIGCONT)
            (held,) = router.wait_until(lambda: router.objects("held"), within_s=WITHIN_S)
            assert "the disk cannot read the file (EIO)" in held.reason
            assert set(send([second], router.port).values()) == {0}
            router.wait_until(lambda: router.objects("settled"), within_s=WITHIN_S)
        assert path.exists()
        released = hilum("queue", "release", held.stored.instance.id, "--config", router.config_path)
        assert released.returncode == 0, released.stderr
        router.wait_until_idle(objects=2, within_s=WITHIN_S)
        assert len(list((tmp_path / "sink").glob("*.dcm"))) == 2
