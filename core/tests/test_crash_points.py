"""Crash points: each stands once in the code, and kills once, where it is armed; others are refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import hilum_core
from hilum_core import crash_points
from hilum_core.crash_points import POINTS, VARIABLE, Order

REACH = re.compile(r'^\s*reach\("([\w.]+)"\)', re.MULTILINE)
TWICE = """
from hilum_core.crash_points import reach
for time in (1, 2):
    reach("purge.marked")
    print(time, flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "points").mkdir()
    return tmp_path / "points"


def run(folder: Path | None, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({VARIABLE: str(folder)} if folder else {})}
    return subprocess.run(
        [sys.executable, *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        process_group=0,
        check=False,
    )


def test_every_point_stands_in_the_code_once_and_no_other_does():
    source = Path(hilum_core.__file__).parent
    placed = Counter(
        point for path in source.rglob("*.py") for point in REACH.findall(path.read_text(encoding="utf-8"))
    )
    assert placed == dict.fromkeys(POINTS, 1)


def test_without_the_variable_nothing_happens(folder):
    crash_points.arm(folder, "purge.marked")
    assert run(None, "-c", TWICE).stdout == "1\n2\n"
    assert crash_points.disarm(folder, "purge.marked")


def test_a_point_that_is_not_armed_lets_everybody_pass(folder):
    crash_points.arm(folder, "purge.stored")
    assert run(folder, "-c", TWICE).stdout == "1\n2\n"


def test_an_armed_point_kills_once(folder):
    (folder / "purge.marked").touch()
    dead = run(folder, "-c", TWICE)
    assert (dead.returncode, dead.stdout) == (-signal.SIGKILL, "")
    assert crash_points.was_reached(folder, "purge.marked")
    assert run(folder, "-c", TWICE).returncode == 0
    assert not crash_points.disarm(folder, "purge.marked")


def test_a_point_kills_at_the_time_that_it_is_told(folder):
    crash_points.arm(folder, "purge.marked", Order(nth=2))
    dead = run(folder, "-c", TWICE)
    assert (dead.returncode, dead.stdout) == (-signal.SIGKILL, "1\n")


def test_a_point_kills_the_whole_group_where_it_is_told(folder):
    crash_points.arm(folder, "purge.marked", Order(whole_router=True))
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {TWICE!r}]); print('alive')"
    dead = run(folder, "-c", parent)
    assert (dead.returncode, dead.stdout) == (-signal.SIGKILL, "")


@pytest.mark.parametrize(
    ("name", "complaint"),
    [("receive.sync", "receive.sync names no crash point"), ("receive.synced", "lead a process group")],
)
def test_the_router_refuses_to_start_with_points_that_it_cannot_heed(folder, tmp_path, name, complaint):
    (folder / name).touch()
    start = [sys.executable, "-m", "hilum_core.cli", "run", "--config", str(tmp_path / "none.toml")]
    refused = run(folder, "-c", f"import subprocess, sys; sys.exit(subprocess.call({start!r}))")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"hilum: {VARIABLE}: ")
    assert complaint in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_router_refuses_a_folder_that_is_not_there(tmp_path):
    refused = run(tmp_path / "none", "-m", "hilum_core.cli", "run", "--config", str(tmp_path / "none.toml"))
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "is no folder" in refused.stderr
