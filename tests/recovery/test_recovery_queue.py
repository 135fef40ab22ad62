"""The queue is gone, damaged, or an older copy: nothing is lost, and nothing is sent again by itself."""

from __future__ import annotations

import pytest

EARLY, LATE = 3, 2


def settle_some(scene, objects):
    """Some objects wait for a folder that is away; the router stops."""
    scene.send(*objects(1, EARLY))
    scene.wait_until_half_done()
    assert scene.router.stop() == 0


def test_a_queue_that_was_deleted_is_made_anew_and_holds_what_the_spool_has(scene, objects):
    settle_some(scene, objects)
    scene.drop_queue()
    scene.open_away()
    scene.router.start()
    scene.router.wait_until(lambda: len(scene.router.objects("held")) == EARLY, within_s=60)
    assert scene.router.log().count("the queue was gone, an empty one is made") == 1
    new = objects(100, 1)
    scene.send(*new)
    scene.router.wait_until((scene.away / f"{new[0].sop_instance_uid}.dcm").exists, within_s=60)
    assert len(scene.arrived(scene.away)) == 1  # what is new passes, what was found waits for a person
    with scene.router.queue() as queue:
        queue.release([row.stored.instance.id for row in scene.router.objects("held")], by="ann", because="")
    scene.wait_until_there(scene.away)


def test_an_older_copy_of_the_queue_sends_nothing_by_itself(scene, objects, tmp_path):
    settle_some(scene, objects)
    scene.copy_queue(tmp_path / "copy")
    scene.router.start()
    scene.send(*objects(100, LATE))
    scene.wait_until_half_done()
    assert scene.router.stop() == 0
    scene.drop_queue()
    for file in (tmp_path / "copy").iterdir():
        file.rename(scene.state_dir / file.name)
    scene.open_away()
    scene.router.start()
    line = "the queue is an older copy; what it would go on with is held"
    scene.router.wait_until(lambda: line in scene.router.log(), within_s=60)
    # What the copy knows has a held delivery each; what came after it has no row, and is held when found.
    scene.router.wait_until(lambda: len(scene.router.objects("held")) == LATE, within_s=60)
    assert len(scene.router.deliveries("away", "held")) == EARLY
    scene.router.wait_until_quiet(objects=EARLY + LATE)
    assert scene.arrived(scene.away) == []


DAMAGES = {
    "garbage": lambda data: b"\x5a" * len(data),
    "random pages": lambda data: data[:8192] + b"\xa5" * (len(data) - 8192),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_queue_stops_all_but_reception_and_is_rebuilt_from_the_files(scene, objects, hilum, damage):
    settle_some(scene, objects)
    damaged = damage(scene.queue_file.read_bytes())
    scene.queue_file.write_bytes(damaged)
    scene.open_away()
    scene.router.start()
    line = "the queue is damaged; reception goes on, nothing is sent until hilum doctor --rebuild"
    scene.router.wait_until(lambda: line in scene.router.log(), within_s=60)
    scene.send(*objects(100, LATE))
    scene.router.wait_until(lambda: set(scene.router.processes()) == {"receive"}, within_s=60)
    assert scene.router.log().count(line) == 1
    assert scene.arrived(scene.away) == []
    assert len(scene.stored_files()) == EARLY + LATE
    refused = hilum("doctor", "--rebuild", "--config", scene.router.config_path)
    assert (refused.returncode, "in use by another router" in refused.stderr) == (1, True)
    assert scene.router.stop() == 0

    rebuilt = hilum("doctor", "--rebuild", "--config", scene.router.config_path)
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert rebuilt.stdout.startswith(f"made a new queue; {EARLY + LATE} objects held")
    (aside,) = scene.state_dir.glob("aside/*/queue.sqlite")
    assert aside.read_bytes()[:8192] == damaged[:8192]  # moved, not mended
    scene.router.start()
    scene.router.wait_until_quiet(objects=EARLY + LATE)
    assert scene.arrived(scene.away) == []
    options = ("--reason", "found", "--sender", "modality", "--because", "looked", "--yes")
    released = hilum("queue", "release", *options, "--config", scene.router.config_path)
    assert released.stdout == f"released {EARLY + LATE}\n", released.stderr
    scene.wait_until_there(scene.away)
