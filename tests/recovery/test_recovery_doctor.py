"""`hilum doctor` beside a router that works, without one, and where something is wrong."""

from __future__ import annotations

import json


def examined(hilum, scene, *options):
    """The exit status, and what was said of each thing: its levels and texts."""
    done = hilum("doctor", "--json", *options, "--config", scene.router.config_path, within_s=120)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def faults(findings):
    return [one for one in findings if one["level"] != "ok"]


def test_doctor_finds_no_fault_beside_a_router_that_works_nor_after_it_stopped(scene, objects, hilum):
    scene.open_away()
    scene.send(*objects(1, 3))
    scene.wait_until_there(scene.away)
    scene.router.wait_until(lambda: len(scene.router.objects("settled")) == 3, within_s=60)
    for options in ((), ("--deep",)):
        status, findings = examined(hilum, scene, *options)
        assert (status, faults(findings)) == (0, [])
    assert scene.router.stop() == 0
    status, findings = examined(hilum, scene)
    assert (status, faults(findings)) == (0, [])
