"""`hilum backup` beside a router that receives, and a real `hilum restore` of it."""

from __future__ import annotations

import json
import threading

from hilum_core.testing import send

EARLY, LATE, AFTER = 3, 12, 1


class Sending(threading.Thread):
    """A modality that sends object after object while something else happens."""

    def __init__(self, scene, files):
        super().__init__(daemon=True)
        self._scene, self._files, self.sent = scene, files, []
        self.start()

    def run(self):
        for file in self._files:
            assert send([file], self._scene.router.port) == {file.path: 0}
            self.sent.append(file)


def test_a_backup_of_a_router_that_receives_is_restored_and_sends_nothing_twice_by_itself(
    scene, objects, hilum, tmp_path
):
    config = ("--config", scene.router.config_path)
    scene.send(*objects(1, EARLY))
    scene.wait_until_half_done()
    sending = Sending(scene, objects(100, LATE))
    scene.router.wait_until(lambda: sending.sent, within_s=60)
    taken = hilum("backup", tmp_path / "backup", *config)
    assert (taken.returncode, taken.stderr) == (0, "")
    sending.join(60)
    scene.send(*objects(200, AFTER))
    scene.acknowledged |= {file.sop_instance_uid: file for file in sending.sent}
    assert len(scene.acknowledged) == EARLY + LATE + AFTER
    scene.wait_until_half_done()
    assert scene.router.stop() == 0
    sent_once = {path: path.stat().st_mtime_ns for path in scene.here.glob("*.dcm")}

    refused = hilum("restore", tmp_path / "backup", *config)
    assert (refused.returncode, "a router has worked here" in refused.stderr) == (1, True)
    restored = hilum("restore", tmp_path / "backup", "--replace", *config)
    assert restored.returncode == 0, restored.stderr
    assert len(list(scene.state_dir.glob("aside/*/queue.sqlite"))) == 1

    scene.open_away()
    scene.router.start()
    scene.router.wait_until_quiet(objects=EARLY + LATE + AFTER)
    assert scene.arrived(scene.away) == []
    assert {path: path.stat().st_mtime_ns for path in scene.here.glob("*.dcm")} == sent_once
    held = json.loads(hilum("queue", "held", "--json", *config).stdout)
    assert sum(group["number"] for group in held if not group["sink"]) >= AFTER
    assert sum(group["number"] for group in held if group["sink"] == "away") >= EARLY
    hilum("queue", "release", "--sender", "modality", "--yes", *config)
    scene.wait_until_there(scene.away)


def test_a_backup_is_restored_into_an_empty_directory(scene, objects, hilum, tmp_path):
    config = ("--config", scene.router.config_path)
    scene.send(*objects(1, EARLY))
    scene.wait_until_half_done()
    assert hilum("backup", tmp_path / "backup", *config).returncode == 0
    assert scene.router.stop() == 0
    scene.state_dir.rename(tmp_path / "lost")
    done = hilum("restore", tmp_path / "backup", *config)
    assert done.returncode == 0, done.stderr
    scene.open_away()
    scene.router.start()
    scene.router.wait_until_quiet(objects=EARLY)
    assert len(scene.router.deliveries("away", "held")) == EARLY
    # The objects' bytes are not in a backup: what is released without them is held as damaged.
    hilum("queue", "release", "--reason", "backup", "--yes", *config)
    scene.router.wait_until(lambda: len(scene.router.objects("held")) == EARLY, within_s=60)
    assert scene.arrived(scene.away) == []
