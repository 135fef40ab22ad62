"""A sync of the queue's log fails, and later the power: what was recorded since is there all the same."""

from __future__ import annotations

import subprocess
import sys

from hilum_core.queue import SqliteQueue
from hilum_core.queue.inspection import inspect

RECORDING = """
import pathlib, shutil, sys
from datetime import UTC, datetime
from hilum_core.clock import SystemClock
from hilum_core.queue import QueueUnavailable, SqliteQueue
from hilum_core.queue.records import HeaderFacts, RoutingDiscarded
from hilum_core.spool import ObjectIds, StoredObject
from hilum_sdk import Association, Instance

root = pathlib.Path(sys.argv[1])
log = root / "queue.sqlite-wal"
queue = SqliteQueue.open(root / "queue.sqlite", 1)
ids = ObjectIds(1, SystemClock())

def add():
    queue.add_objects([StoredObject(
        instance=Instance(
            id=ids.new(), sop_class_uid="1.2", sop_instance_uid="1.3", transfer_syntax_uid="1.4",
            data_set_bytes=1, received_at=datetime.now(UTC),
            association=Association(calling_ae="A", called_ae="B", address="127.0.0.1"),
        ),
        checksum=1,
    )])

add()
synced = log.stat().st_size
(claimed,) = queue.claim_objects(1)  # waits for no sync
outcome = RoutingDiscarded(object_id=claimed.stored.instance.id, lease_no=claimed.lease_no, rule="none")
print("ready", flush=True)
sys.stdin.readline()
try:
    queue.settle_routings([outcome])
    print("not failed")
except QueueUnavailable as error:
    print(error)
lost = log.read_bytes()[synced:]  # the kernel takes it for written, and the disk has not got it
queue.settle_routings([outcome])
add()
for file in root.glob("queue.sqlite*"):
    shutil.copy(file, root / "cut")
with (root / "cut" / log.name).open("r+b") as cut:
    cut.seek(synced)
    now = cut.read(len(lost))
    for start in range(0, len(now), 512):
        if now[start : start + 512] == lost[start : start + 512]:
            cut.seek(synced + start)
            cut.write(bytes(len(now[start : start + 512])))
(root / "cut" / "queue.sqlite-shm").unlink()
"""


def test_a_power_cut_after_a_failed_sync_takes_nothing_that_was_recorded_since(failing, tmp_path):
    (tmp_path / "cut").mkdir()
    log = tmp_path / "queue.sqlite-wal"
    recording = subprocess.Popen(
        [sys.executable, "-c", RECORDING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert recording.stdout.readline() == "ready\n"
    with failing(recording.pid, log, "fdatasync:error=EIO:when=1") as told:
        said, _ = recording.communicate("go\n", timeout=60)
    assert recording.returncode == 0
    assert "disk I/O error" in said
    assert told.read_text().count("(INJECTED)") == 1
    cut = tmp_path / "cut" / "queue.sqlite"
    with inspect(cut) as queue:
        assert queue.faults(deep=True) == []
    queue = SqliteQueue.open(cut)
    assert {state: number for state, number in queue.status().objects.items() if number} == {
        "settled": 1,
        "received": 1,
    }
    queue.close()
