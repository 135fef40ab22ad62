"""Power cuts on real file systems: what was acknowledged is found, and no record says what is not so."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from powercuts.medium import FILE_SYSTEMS, missing
from powercuts.platter import Platter
from powercuts.tape import Tape, TapeWriter, now

OBJECTS = 24
CUTS = 4
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}


@pytest.mark.parametrize("file_system", FILE_SYSTEMS)
def test_power_cut_loses_nothing_that_was_acknowledged_and_no_record_is_untrue(file_system):
    if lacks := missing([file_system]):
        pytest.skip(f"needs {', '.join(lacks)}")
    options = f"--objects {OBJECTS} --cuts {CUTS} --per-recording {CUTS} --start-every {CUTS} --json"
    run = subprocess.run(
        [sys.executable, "-m", "powercuts", file_system, *options.split()],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode in {0, 1}, run.stderr
    (told,) = json.loads(run.stdout)
    assert told["broken"] == []
    assert (told["cuts"], told["starts"]) == (CUTS, 1)
    assert told["acknowledged"] > 0


@pytest.fixture
def tape(tmp_path):
    return TapeWriter(tmp_path / "tape")


def cut(folder, at, seed):
    blank, copy = folder / "blank", folder / "copy"
    blank.write_bytes(bytes(4 * 4096))
    Platter(blank, Tape(folder / "tape")).cut(at, random.Random(seed), copy)
    return copy.read_bytes()


def test_what_was_flushed_survives_every_cut(tape, tmp_path):
    tape.write(0, b"a" * 4096)
    tape.write(4096, b"b" * 4096)
    tape.flush()
    flushed = now(tmp_path / "tape")
    tape.write(0, b"c" * 4096)
    after = now(tmp_path / "tape")
    for seed in range(20):
        assert cut(tmp_path, flushed, seed)[:8192] == b"a" * 4096 + b"b" * 4096
        left = cut(tmp_path, after, seed)
        assert left[:4096] in {b"a" * 4096, b"c" * 4096}
        assert left[4096:8192] == b"b" * 4096


def test_of_what_was_not_flushed_any_part_may_be_left(tape, tmp_path):
    tape.write(0, b"x" * 8192)
    left = {cut(tmp_path, now(tmp_path / "tape"), seed)[:8192] for seed in range(100)}
    kept, lost = b"x" * 4096, bytes(4096)
    assert left == {kept + kept, kept + lost, lost + kept, lost + lost}


def test_what_was_not_written_whole_by_then_is_not_there(tape, tmp_path):
    tape.write(0, b"x" * 4096)
    whole = now(tmp_path / "tape")
    tape.flush()
    assert {cut(tmp_path, whole - 1, seed) for seed in range(20)} == {bytes(4 * 4096)}
