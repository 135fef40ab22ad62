"""Measure a full cycle of the queue: received, routed, claimed, sent, settled.

Not a test: `python core/tests/queue/measure_queue.py [rows already there] [objects to cycle]`.
"""

# ruff: noqa: T201 - a program that prints

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from hilum_core.clock import SystemClock
from hilum_core.queue import SqliteQueue
from hilum_core.queue.records import HeaderFacts, NewDelivery, Routed, RouteMatch, Sent
from hilum_core.spool import ObjectIds, StoredObject
from hilum_sdk import Association, Instance, Receipt

BATCH = 64
ASSOCIATION = Association(calling_ae="CT1", called_ae="HILUM", peer="ct1", address="10.1.20.5")


def stored(ids: ObjectIds, number: int) -> StoredObject:
    return StoredObject(
        instance=Instance(
            id=ids.new(),
            sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            sop_instance_uid=f"1.2.826.0.1.3680043.8.498.{number // 500:012d}.{number % 500}.{number:09d}",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            data_set_bytes=524288,
            received_at=datetime.now(UTC),
            association=ASSOCIATION,
        ),
        checksum=number,
    )


def cycle(queue: SqliteQueue, ids: ObjectIds, first: int, count: int, batch: int) -> dict[str, float]:
    spent = dict.fromkeys(("add", "claim", "route", "lease", "settle"), 0.0)
    for start in range(first, first + count, batch):
        objects = [stored(ids, number) for number in range(start, start + batch)]
        t0 = time.perf_counter()
        queue.add_objects(objects)
        t1 = time.perf_counter()
        claimed = queue.claim_objects(batch)
        t2 = time.perf_counter()
        queue.settle_routings(
            [
                Routed(
                    object_id=c.stored.instance.id,
                    lease_no=c.lease_no,
                    facts=HeaderFacts(
                        study_instance_uid=f"1.2.826.0.1.3680043.8.498.{start // 500:012d}",
                        series_instance_uid="1.2.826.0.1.3680043.8.498.1",
                        modality="CT",
                        patient_key="0123456789abcdef",
                    ),
                    matches=(RouteMatch(route="clinical", why="emergency_ct"),),
                    deliveries=(NewDelivery(sink="pacs", route="clinical"),),
                    revision=1,
                )
                for c in claimed
            ]
        )
        t3 = time.perf_counter()
        leased = queue.claim_deliveries("pacs", batch)
        t4 = time.perf_counter()
        receipt = Receipt(status=0)
        settled = queue.settle_deliveries(
            [Sent(delivery_id=d.delivery_id, lease_no=d.lease_no, receipt=receipt) for d in leased]
        )
        t5 = time.perf_counter()
        assert len(settled) == batch
        for name, seconds in zip(spent, (t1 - t0, t2 - t1, t3 - t2, t4 - t3, t5 - t4), strict=True):
            spent[name] += seconds
    return spent


def main() -> None:
    there = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    count = (int(sys.argv[2]) if len(sys.argv) > 2 else 6400) // BATCH * BATCH
    with tempfile.TemporaryDirectory() as folder:
        queue = SqliteQueue.open(Path(folder) / "queue.sqlite", 1)
        ids = ObjectIds(1, SystemClock())
        began = time.perf_counter()
        cycle(queue, ids, 0, there // 1000 * 1000, 1000)
        print(f"{there} rows before, made in {time.perf_counter() - began:.0f} s")
        for _ in range(3):
            cpu_began = time.process_time()
            spent = cycle(queue, ids, there, count, BATCH)
            cpu = (time.process_time() - cpu_began) / count * 1e6
            there += count
            each = {name: seconds / count * 1e6 for name, seconds in spent.items()}
            parts = ", ".join(f"{name} {us:.1f}" for name, us in each.items())
            print(f"{sum(each.values()):6.1f} us per object in batches of {BATCH} (CPU {cpu:.1f}): {parts}")
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(f"{size / 1e6:.0f} MB, {size / max(there, 1):.0f} bytes per object")
        queue.close()


if __name__ == "__main__":
    main()
