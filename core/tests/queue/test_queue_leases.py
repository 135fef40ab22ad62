"""Leases end with their owner, and no two processes ever hold one row."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

WORKER = """
import sys
from pathlib import Path
from hilum_core.clock import SystemClock
from hilum_core.queue import SqliteQueue
from hilum_core.queue.records import Sent
from hilum_sdk import Receipt

queue = SqliteQueue.open(Path(sys.argv[1]), int(sys.argv[2]), SystemClock())
print("ready", flush=True)
sys.stdin.readline()
while claimed := queue.claim_deliveries("pacs", 7):
    print(*(c.delivery_id for c in claimed), flush=True)
    queue.settle_deliveries(
        [Sent(delivery_id=c.delivery_id, lease_no=c.lease_no, receipt=Receipt()) for c in claimed]
    )
"""


def test_several_processes_claim_each_delivery_once(desk):
    for n in range(300):
        desk.queue.add_objects([desk.stored(f"1.{n}")])
    desk.route("pacs")
    command = [sys.executable, "-c", WORKER, str(desk.path)]
    workers = [
        subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for n in (2, 3, 4)
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    outputs = []
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        outputs.append(worker.communicate(timeout=60)[0])
        assert worker.returncode == 0
    claimed = Counter(" ".join(outputs).split())
    assert len(claimed) == 300
    assert set(claimed.values()) == {1}
    assert desk.queue.status().objects == {"settled": 300}


@pytest.mark.parametrize("stage", ["route", "render", "deliver"])
def test_what_a_dead_process_had_in_hand_comes_back_with_its_attempt(desk, stage):
    object_id = desk.receive()
    claim = {
        "route": lambda queue: queue.claim_objects(1),
        "render": lambda queue: queue.claim_renderings(1),
        "deliver": lambda queue: queue.claim_deliveries("pacs", 1),
    }[stage]
    if stage != "route":
        desk.route("pacs", chain=("safe",) if stage == "render" else ())
    (lost,) = claim(desk.queue)
    second = desk.another(2)
    assert second.queue.recover_leases(stage=stage, live={1, 2}) == 0
    assert not claim(second.queue)
    assert second.queue.recover_leases(stage=stage, live={2}) == 1
    (again,) = claim(second.queue)
    assert (again.attempt, again.crashes) == (2, 1)
    assert again.lease_no == lost.lease_no + 1
    assert second.story(object_id)[-1] == "deferred"


def test_other_stages_are_not_recovered(desk):
    desk.receive()
    desk.queue.claim_objects(1)
    assert desk.another(2).queue.recover_leases(stage="deliver", live={2}) == 0
    with pytest.raises(KeyError):
        desk.queue.recover_leases(stage="nothing", live={2})


def test_object_that_killed_its_process_three_times_is_tried_alone(desk):
    for n in range(3):
        desk.receive(f"1.{n}")
    for incarnation in (1, 2, 3):
        process = desk.another(incarnation)
        process.queue.recover_leases(stage="route", live={incarnation})
        (poison, *others) = process.queue.claim_objects(3)
        process.queue.settle_routings([desk.put_back(o, spent=False) for o in others])
    last = desk.another(4)
    last.queue.recover_leases(stage="route", live={4})
    (alone,) = last.queue.claim_objects(3)
    assert (alone.stored.instance.id, alone.crashes) == (poison.stored.instance.id, 3)
