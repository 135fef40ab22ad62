"""Reloads that fail, and what a start does on a full disk: the router goes on, or says one line."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hilum_core.incarnation import StateDirError
from hilum_core.spool import BALLAST_FILE
from hilum_core.supervisor.config_check import ConfigCheck
from hilum_core.supervisor.requests import NoRouter, ReloadRequests, ask_for_reload
from hilum_core.supervisor.room import with_room
from hilum_core.testing.router import running_router

TALKATIVE = """
import sys
sys.stderr.write("a first line\\n" + "and more\\n" * 20_000)
raise KeyError
"""
LEAVES_A_CHILD = """
import subprocess
print(subprocess.Popen(["sleep", "1000"]).pid, flush=True)
raise KeyError
"""
CLOSE_ON_EXEC = 0o2000000


def verdict_of(check):
    while (verdict := check.verdict()) is None:
        time.sleep(0.02)
    return verdict


def test_a_config_without_fault_leaves_nothing_behind(tmp_path):
    scratch = tmp_path / "candidate.toml"
    verdict = verdict_of(ConfigCheck('[router]\nstate_dir = "/s"\n', scratch))
    assert not verdict.problems
    assert not scratch.exists()


@pytest.fixture
def verdict_with_plugin(tmp_path, monkeypatch):
    """Check a config that needs a plugin of this code."""

    def verdict(code):
        info = tmp_path / "talkative-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: talkative\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[hilum.sinks]\ntalk = talkative\n")
        (tmp_path / "talkative.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        text = '[router]\nstate_dir = "/s"\n[sinks.x]\ntype = "talk"\n'
        return verdict_of(ConfigCheck(text, tmp_path / "candidate.toml"))

    return verdict


def test_a_plugin_may_say_any_amount_while_a_config_is_checked(verdict_with_plugin, tmp_path):
    assert verdict_with_plugin(TALKATIVE).problems == "a first line"
    assert not (tmp_path / "candidate.toml").exists()


def test_a_child_that_a_plugin_leaves_behind_hides_no_report(verdict_with_plugin):
    verdict = verdict_with_plugin(LEAVES_A_CHILD)
    os.kill(int(verdict.problems), signal.SIGKILL)
    assert "sinks.x" in verdict.report


def test_a_check_that_is_broken_off_leaves_nothing_behind(tmp_path):
    check = ConfigCheck("", tmp_path / "candidate.toml")
    check.end()
    assert not (tmp_path / "candidate.toml").exists()


def test_no_reload_that_fails_ends_the_router(tmp_path):
    with running_router(tmp_path, "", stop_within="1s") as router:
        folder = router.state_dir / "config"
        text = router.config_path.read_text()
        # Directories in the way stand for a disk that takes nothing.
        for name in ("candidate.toml", "000002.new"):
            (folder / name).mkdir()
            already = router.log().count("cannot be taken now")
            router.config_path.write_text(f"{text}# {name}\n")
            router.process.send_signal(signal.SIGHUP)
            router.wait_until(lambda already=already: router.log().count("cannot be taken now") > already)
            (folder / name).rmdir()
        before = router.processes()
        os.kill(before["retain"][0], signal.SIGSTOP)
        router.process.send_signal(signal.SIGHUP)
        router.wait_until(lambda: "took a new config" in router.log())
        router.wait_until(lambda: router.processes().get("retain", before["retain"]) != before["retain"])
        assert "a stage did not stop in time and is ended" in router.log()
        assert "died" not in router.log()


def test_a_terminal_that_is_closed_ends_no_stage_and_none_hands_on_the_lock(tmp_path):
    with running_router(tmp_path, "") as router:
        lock = str(router.state_dir / "lock")
        stages = {"receive", "route", "render", "deliver", "retain"}
        router.wait_until(lambda: set(router.processes()) >= stages)
        pids = [pid for name, found in router.processes().items() if name in stages for pid in found]
        # A stage has taken over its signals once it closes its descriptors on exec.
        router.wait_until(lambda: all(flags_of(pid, lock) & CLOSE_ON_EXEC for pid in pids))
        router.wait_until(lambda: all(ignores_hangup(pid) for pid in pids))
        for pid in pids:
            os.kill(pid, signal.SIGHUP)
        router.process.send_signal(signal.SIGHUP)
        router.wait_until(lambda: "the config has not changed" in router.log())
        assert sorted(pids) == sorted(
            pid for name, found in router.processes().items() if name in stages for pid in found
        )
        assert "died" not in router.log()


def flags_of(pid, path):
    """The flags of the descriptor that a process has of a file."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if str(link.readlink()) == path:
                told = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
                return int(told.partition("flags:")[2].split()[0], 8)
    return 0


def ignores_hangup(pid):
    told = Path(f"/proc/{pid}/status").read_text().partition("SigIgn:")[2].split()[0]
    return bool(int(told, 16) & 1 << (signal.SIGHUP - 1))


def test_a_start_on_a_full_disk_gives_up_the_ballast(tmp_path):
    ballast = tmp_path / BALLAST_FILE
    ballast.write_bytes(b"x")

    def write():
        if ballast.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return 7

    assert with_room(tmp_path, write) == 7


def test_a_start_that_finds_no_room_at_all_says_so_in_one_line(tmp_path):
    def write():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(StateDirError) as caught:
        with_room(tmp_path, write)
    assert caught.value.message == (
        f"router.state_dir: {tmp_path} cannot be written (No space left on device); make room on its disk"
    )


def test_a_reload_that_a_router_does_not_live_to_answer_says_so(tmp_path):
    (tmp_path / "run").mkdir()
    for lets_in in (False, True):
        requests = ReloadRequests(tmp_path)
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(ask_for_reload, tmp_path)
            assert select.select([requests], [], [], 60)[0]
            if lets_in:
                assert requests.take()
            requests.close()
            with pytest.raises(NoRouter, match="ended before it answered"):
                asked.result()
