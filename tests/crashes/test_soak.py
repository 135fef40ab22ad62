"""The soak runs, and says so when something is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice
from pathlib import Path

import attrs
import pytest
from bench.processes import free_port
from soak.destinations import Shelf
from soak.faults import MODULES, Kind, faults
from soak.modality import DCMSEND, STORESCU, Modality, read
from soak.objects import EDIT, Scanner
from soak.report import Arrival, Report

from hilum_core.testing import SentFile

ROOT = Path(__file__).parents[2]
ALL_WELL = Report(
    seed=1,
    seconds=60,
    kills={"route": 2},
    reloads=0,
    destination_stops=0,
    acknowledged=10,
    acknowledged_bytes=1000,
    sent_again=1,
    unanswered=0,
    arrivals={"archive": Arrival(objects=10, copies=11, missing=[], odd=[])},
    unsettled={},
    defects=[],
    leftovers=[],
    incomplete=1,
    queue_bytes=4096,
    start={},
    greatest={},
    end={},
)


def test_a_short_soak_ends_with_all_that_was_acknowledged_at_every_destination(program, tmp_path):
    for name in ("storescu", "dcmsend", "storescp"):
        program(name)
    figures = tmp_path / "figures.json"
    options = ["--minutes=0.1", "--seed=1", "--modalities=2", "--pace=1.5", "--patience=5"]
    command = [sys.executable, "-m", "soak", *options, f"--json={figures}", f"--folder={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(figures.read_text())
    assert found["is_whole"] and found["kills_in_all"] and found["acknowledged"]
    assert {one["objects"] for one in found["arrivals"].values()} == {found["acknowledged"]}
    assert list(tmp_path.iterdir()) == [figures]


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"arrivals": {"archive": Arrival(objects=9, copies=9, missing=["1.2"], odd=[])}}, "MISSING 1: 1.2"),
        (
            {"arrivals": {"archive": Arrival(objects=9, copies=9, missing=[], odd=["CT.1"])}},
            "NOT WHAT WAS SENT 1",
        ),
        ({"acknowledged": 0}, "NOTHING WAS ACKNOWLEDGED"),
        ({"unanswered": 3}, "NOT ANSWERED WITH SUCCESS: 3"),
        ({"unsettled": {"objects held": 2}}, "NOT AT AN END: 2 objects held"),
        ({"defects": ["ended with status 1"]}, "DEFECTS 1: ended with status 1"),
        ({"leftovers": ["spool/x.dcm"]}, "LEFT BEHIND 1: spool/x.dcm"),
    ],
)
def test_whatever_is_not_as_it_must_be_is_told(what, says):
    report = attrs.evolve(ALL_WELL, **what)
    assert ALL_WELL.is_whole and "nothing was lost" in list(ALL_WELL.lines())
    assert not report.is_whole
    assert not json.loads(report.as_json())["is_whole"]
    assert says in "\n".join(report.lines())


def test_the_same_seed_breaks_the_same_things():
    first, second, other = (list(islice(faults(seed, 3), 400)) for seed in (1, 1, 2))
    assert first == second != other
    assert {fault.kind for fault in first} == set(Kind)
    assert {fault.where for fault in first if fault.kind is Kind.PROCESS} == set(MODULES)


def test_the_same_seed_makes_the_same_objects(tmp_path):
    first, second = (Scanner(tmp_path / name, "seed").acquire(20) for name in "ab")
    assert [(one.untouched, one.edited) for one in first] == [(one.untouched, one.edited) for one in second]


def test_what_arrives_is_compared_byte_by_byte(tmp_path):
    (one, other) = Scanner(tmp_path / "scans", "seed").acquire(2)
    shelf = Shelf(tmp_path / "shelf", lambda sent: sent.untouched)
    sent = {each.sop_instance_uid: each for each in (one, other)}
    whole = one.path.read_bytes()
    damaged = bytearray(other.path.read_bytes())
    damaged[-1] ^= 1
    (shelf.folder / f"CT.{one.sop_instance_uid}").write_bytes(whole)
    (shelf.folder / f"{other.sop_instance_uid}.dcm").write_bytes(damaged)
    shelf.look(sent)
    assert shelf.arrived == {one.sop_instance_uid}
    assert shelf.odd == {f"{other.sop_instance_uid}.dcm"}
    assert [path.name for path in shelf.folder.iterdir()] == [*shelf.odd]
    assert EDIT["InstitutionName"].encode() not in SentFile.read(one.path).data_set


def test_only_what_was_answered_with_success_is_acknowledged():
    said = """
I: Sending file: a/1.dcm
I: Received Store Response (Success)
I: Sending file: a/2.dcm
I: Received Store Response (Refused: OutOfResources)
I: Sending file: a/3.dcm
"""
    assert read(STORESCU, said) == (["a/1.dcm", "a/2.dcm", "a/3.dcm"], ["a/1.dcm"])
    report = """
Filename      : a/1.dcm
DIMSE Status  : 0x0000 (Success)

Filename      : a/2.dcm
DIMSE Status  : 0xa700 (Refused: OutOfResources)
"""
    assert read(DCMSEND, report) == (["a/1.dcm", "a/2.dcm"], ["a/1.dcm"])


def test_a_modality_that_gets_no_answer_gives_up_when_it_is_told_to(program, tmp_path):
    scanner = Scanner(tmp_path / "scans", "seed")
    modality = Modality(program("storescu"), free_port(), ae_title="CT", folder=tmp_path)
    acknowledged: list[object] = []
    tries = iter((False, False, True))
    modality.send(scanner.acquire(3), acknowledged=acknowledged.append, giving_up=lambda: next(tries))
    assert not acknowledged
    assert next(tries, None) is None
