"""The bench runs, and notices what is missing or differs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def _bench_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def test_it_races_hilum_and_the_floor_and_compares_what_arrives(tmp_path):
    figures = tmp_path / "figures.json"
    command = [sys.executable, "-m", "bench", "--rounds=1", "--ct=4", "--small=8", f"--folder={tmp_path}"]
    command += ["--only=receive", "--only=hilum", "--only=floor", f"--json={figures}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summaries = json.loads(figures.read_text())["summaries"]
    assert {one["contestant"] for one in summaries} == {"hilum", "floor"}
    assert [(one["expected"], one["exact"]) for one in summaries] == [(4, 4)] * 4 + [(8, 8)] * 4
    assert {one["ratio"] for one in summaries if one["contestant"] == "hilum"} == {1.0}


@pytest.mark.usefixtures("_bench_on_the_path")
def test_a_missing_and_a_changed_object_are_noticed(tmp_path):
    from bench.arrivals import compare
    from bench.objects import SMALL, ObjectSource

    objects = ObjectSource(SMALL).make(3)
    whole, changed = (one.write(tmp_path) for one in objects[:2])
    assert compare(objects[:2], [whole, changed]).is_whole
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    assert compare(objects, [whole, changed]).exact == 1


@pytest.mark.usefixtures("_bench_on_the_path")
def test_the_same_seed_makes_the_same_objects():
    from bench.objects import CT, ObjectSource

    first, second = ObjectSource(CT).make(2), ObjectSource(CT).make(2)
    assert [one.checksum() for one in first] == [one.checksum() for one in second]
    assert first[0].sop_instance_uid != first[1].sop_instance_uid
