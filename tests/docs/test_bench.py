"""The bench runs, notices what is missing or differs, and judges what it measured."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_TINY = ["--rounds=1", "--ct=4", "--small=8", "--large=1", "--no-warm-memory"]


@pytest.fixture
def _bench_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


def _race(folder: Path, *only: str) -> dict:
    figures = folder / "figures.json"
    command = [sys.executable, "-m", "bench", *_TINY, f"--folder={folder}", f"--json={figures}"]
    command += [f"--only={name}" for name in only]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(figures.read_text())


def test_it_races_hilum_and_the_floor_and_compares_what_arrives(tmp_path):
    measured = _race(tmp_path, "receive", "hilum", "floor")
    summaries = measured["summaries"]
    assert {one["contestant"] for one in summaries} == {"hilum", "floor"}
    assert [(one["expected"], one["exact"]) for one in summaries] == [(4, 4)] * 4 + [(8, 8)] * 4
    assert {one["hilum_ratio"] for one in summaries if one["contestant"] == "hilum"} == {1.0}
    assert [goal["bound"] for goal in measured["goals"]] == [0.7, 0.7, 0.6]


def test_an_edited_header_is_raced_against_copying_the_file(tmp_path):
    measured = _race(tmp_path, "header")
    assert {one["contestant"]: one["exact"] for one in measured["summaries"]} == {"hilum": 1, "copy": 1}
    assert [goal["bound"] for goal in measured["goals"]] == [0.5, 150]


@pytest.mark.skipif(shutil.which("dcmsend") is None, reason="needs dcmsend and storescp (DCMTK)")
def test_hilum_sends_beside_dcmtk_and_receives_from_it(tmp_path):
    summaries = _race(tmp_path, "send", "nagle", "hilum", "dcmsend")["summaries"]
    assert all(one["exact"] == one["expected"] for one in summaries)
    assert {(one["case"]["contest"], one["contestant"]) for one in summaries} == {
        ("send", "hilum"),
        ("send", "dcmsend"),
        ("nagle", "hilum"),
    }


@pytest.mark.skipif(shutil.which("storescp") is None, reason="needs storescp (DCMTK)")
def test_the_large_object_arrives_and_the_memory_for_it_is_looked_at(tmp_path):
    (summary,) = _race(tmp_path, "large", "storescp+B")["summaries"]
    assert summary["exact"] == 1
    assert summary["peak_mib"] > 1


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


@pytest.mark.usefixtures("_bench_on_the_path")
def test_an_object_goes_out_whole_in_pdus_of_the_length_that_is_asked_for():
    from bench.objects import CT, ObjectSource
    from bench.wire import pdus

    (an_object,) = ObjectSource(CT).make(1)
    _, *data = pdus(an_object, 16384, 1)
    assert b"".join(pdu[12:] for pdu in data) == b"".join(an_object.data_set())
    assert {len(pdu) for pdu in data[:-1]} == {16384 + 6}
    # PS3.8 E.2: bit 1 says that it is the last fragment.
    assert [pdu[11] for pdu in data] == [0] * (len(data) - 1) + [2]


@pytest.mark.usefixtures("_bench_on_the_path")
def test_what_a_child_used_still_counts_when_it_has_ended(tmp_path):
    from bench.processes import cpu_seconds, start

    busy = "import time\nwhile time.process_time() < 0.3: pass"
    parent = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {busy!r}])"
    parent += "\nprint(1, flush=True)\ntime.sleep(60)"
    server = start([sys.executable, "-c", parent], tmp_path / "log")
    try:
        server.read_port()
        # The kernel counts in ticks of 10 ms, rounded down, so the child's 0.3 may read as less.
        assert cpu_seconds(server.pid) >= 0.25
    finally:
        server.end()


def _summary(contestant, median_rate, *, baseline, contest="receive", kind="CT, 512 KiB", **more):
    from bench.measure import Case, Summary

    return Summary(
        case=Case(contest=contest, kind=kind, associations=1),
        contestant=contestant,
        words=contestant,
        is_durable=True,
        rounds=1,
        objects=1,
        median_rate=median_rate,
        lowest_rate=median_rate,
        highest_rate=median_rate,
        cpu_ms=1.0,
        hilum_ratio=baseline / median_rate,
        expected=1,
        exact=1,
        **{"peak_mib": None, **more},
    )


@pytest.mark.usefixtures("_bench_on_the_path")
def test_goals_say_what_was_reached_and_pass_over_what_was_not_measured():
    from bench.goals import judge

    summaries = [
        _summary("hilum", 800, baseline=800),
        _summary("storescp", 1000, baseline=800),
        _summary("orthanc", 400, baseline=800),
        _summary("hilum", 1, baseline=1, contest="large", peak_mib=151.0),
    ]
    outcomes = [(one.bound, one.measured, one.is_reached) for one in judge(summaries)]
    assert outcomes == [(0.75, 0.8, True), (3, 2.0, False), (150, 151.0, False)]


@pytest.mark.usefixtures("_bench_on_the_path")
def test_the_same_figures_make_the_same_picture(tmp_path):
    python = ROOT / ".tools" / "plot" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs matplotlib in an environment of its own: make plot-setup")
    from bench.machine import look
    from bench.table import as_json

    summaries = [_summary("hilum", 800, baseline=800), _summary("storescp", 1000, baseline=800)]
    figures = tmp_path / "figures.json"
    figures.write_text(as_json(look(tmp_path), summaries, []))
    for name in ("one.svg", "two.svg"):
        subprocess.run([python, "-m", "bench.plot", figures, tmp_path / name], cwd=ROOT, check=True)
    content = (tmp_path / "one.svg").read_bytes()
    assert content == (tmp_path / "two.svg").read_bytes()
    assert b"Hilum 0.80 x" in content
