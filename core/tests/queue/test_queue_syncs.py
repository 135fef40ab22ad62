"""What waits for the disk and what does not, seen from outside."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

PROGRAM = """
import pathlib, sys
from datetime import UTC, datetime
from hilum_core.clock import SystemClock
from hilum_core.queue import SqliteQueue
from hilum_core.queue.records import HeaderFacts, RoutingDiscarded
from hilum_core.spool import ObjectIds, StoredObject
from hilum_sdk import Association, Instance

queue = SqliteQueue.open(pathlib.Path(sys.argv[1]) / "queue.sqlite", 1)
instance = Instance(
    id=ObjectIds(1, SystemClock()).new(),
    sop_class_uid="1.2", sop_instance_uid="1.3", transfer_syntax_uid="1.4",
    data_set_bytes=1, received_at=datetime.now(UTC),
    association=Association(calling_ae="A", called_ae="B", address="127.0.0.1"),
)
pathlib.Path("/proc/self/comm").read_text()
queue.add_objects([StoredObject(instance=instance, checksum=1)])
pathlib.Path("/proc/self/comm").read_text()
(claimed,) = queue.claim_objects(1)
pathlib.Path("/proc/self/comm").read_text()
queue.settle_routings([RoutingDiscarded(
    object_id=instance.id, lease_no=claimed.lease_no, rule="no route matched",
    facts=HeaderFacts(study_instance_uid="", series_instance_uid="", modality="", patient_key=""),
)])
pathlib.Path("/proc/self/comm").read_text()
queue.claim_objects(1)
queue.claim_deliveries("pacs", 1)
queue.claim_renderings(1)
queue.renew_leases(datetime.now(UTC))
pathlib.Path("/proc/self/comm").read_text()
queue.close()
"""


def test_what_is_stored_waits_for_the_disk_and_a_claim_does_not(tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "calls"
    traced = "trace=openat,fdatasync,fsync"
    command = [strace, "-f", "-qq", "-o", log, "-e", traced, sys.executable, "-c", PROGRAM, tmp_path]
    subprocess.run(command, check=True)
    adding, claiming, settling, leasing = log.read_text().split("/proc/self/comm")[1:5]
    assert "sync(" in adding
    assert "sync(" not in claiming
    assert "sync(" in settling
    assert "sync(" not in leasing
