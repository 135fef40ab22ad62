"""Who is alive: told by the kernel, whatever way a process ended."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hilum_core import incarnation as module
from hilum_core.filesystem import NETWORK, file_system
from hilum_core.incarnation import (
    Incarnation,
    StateDirError,
    StateDirInUse,
    dead_incarnations,
    forget,
    is_live,
    live_incarnations,
    lock_state_dir,
    prepare_state_dir,
)

HOLD = """
import sys, pathlib
from hilum_core.incarnation import Incarnation, lock_state_dir, prepare_state_dir
path = pathlib.Path(sys.argv[1])
prepare_state_dir(path)
if "lock" in sys.argv:
    lock_state_dir(path)
print(Incarnation.claim(path, "receive").number, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _keep_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def state_dir(tmp_path):
    path = tmp_path / "state"
    prepare_state_dir(path)
    return path


def hold(state_dir, *more):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, state_dir, *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, int(process.stdout.readline())


def end(process):
    process.kill()
    process.communicate()


def test_numbers_rise_and_are_never_given_twice(state_dir):
    first = Incarnation.claim(state_dir, "route")
    first.close()
    forget(state_dir, first.number)
    second = Incarnation.claim(state_dir, "route")
    assert second.number == first.number + 1
    second.close()
    second.close()


def test_killed_process_is_dead_at_once(state_dir):
    process, number = hold(state_dir)
    assert is_live(state_dir, number)
    assert live_incarnations(state_dir) == {number}
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not is_live(state_dir, number)
    assert dead_incarnations(state_dir) == {number}


def test_process_sees_itself_live_and_a_number_never_given_dead(state_dir):
    mine = Incarnation.claim(state_dir, "deliver")
    assert is_live(state_dir, mine.number)
    assert not is_live(state_dir, mine.number + 1)
    mine.close()


def test_live_processes_are_told_by_their_role(state_dir):
    lives = [Incarnation.claim(state_dir, role) for role in ("receive", "route", "receive")]
    first, route, nameless = (life.number for life in lives)
    (state_dir / "run" / str(nameless)).write_bytes(b"")  # the disk was full
    assert live_incarnations(state_dir, "receive") == {first, nameless}
    assert live_incarnations(state_dir) == {first, route, nameless}
    for life in lives:
        life.close()


def test_processes_that_start_at_once_get_numbers_of_their_own(state_dir):
    held = [hold(state_dir) for _ in range(4)]
    numbers = {number for _, number in held}
    assert len(numbers) == 4
    assert live_incarnations(state_dir) == numbers
    for process, _ in held:
        end(process)


def test_file_of_an_incarnation_says_who_it_is(state_dir):
    mine = Incarnation.claim(state_dir, "deliver")
    told = json.loads((state_dir / "run" / str(mine.number)).read_text())
    assert (told["role"], told["pid"]) == ("deliver", os.getpid())
    assert told["started_at"].endswith("+00:00")
    mine.close()


def test_only_the_dead_are_forgotten(state_dir):
    process, number = hold(state_dir)
    forget(state_dir, number)
    assert is_live(state_dir, number)
    end(process)
    forget(state_dir, number)
    forget(state_dir, number)
    assert dead_incarnations(state_dir) == set()


def test_next_process_clears_away_what_the_dead_left(state_dir):
    living, number = hold(state_dir)
    dying, _ = hold(state_dir)
    end(dying)
    mine = Incarnation.claim(state_dir, "deliver")
    assert {int(p.name) for p in (state_dir / "run").iterdir()} == {number, mine.number}
    end(living)
    mine.close()


def test_lost_counter_does_not_give_a_number_again_that_is_in_use(state_dir):
    mine = Incarnation.claim(state_dir, "route")
    (state_dir / "incarnation").write_bytes(b"")
    again = Incarnation.claim(state_dir, "route")
    assert again.number > mine.number
    mine.close()
    again.close()


def test_second_router_is_refused_and_told_whom_to_stop(state_dir):
    process, _ = hold(state_dir, "lock")
    with pytest.raises(
        StateDirInUse, match=f"in use by another router .*process {process.pid}.*stop that one"
    ):
        lock_state_dir(state_dir)
    end(process)
    os.close(lock_state_dir(state_dir))


def test_orphan_that_inherited_the_lock_keeps_a_second_router_out(state_dir):
    descriptor = lock_state_dir(state_dir)
    orphan = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    os.close(descriptor)
    with pytest.raises(StateDirInUse):
        lock_state_dir(state_dir)
    end(orphan)
    os.close(lock_state_dir(state_dir))


def test_state_directory_becomes_private_and_so_do_its_files(tmp_path):
    path = tmp_path / "a" / "state"
    path.mkdir(parents=True, mode=0o755)
    prepare_state_dir(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    (path / "file").write_text("x")
    assert stat.S_IMODE((path / "file").stat().st_mode) == 0o600
    assert sorted(p.name for p in path.iterdir()) == ["file", "run"]


def test_folder_that_others_use_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "srv"
    path.mkdir(mode=0o755)
    (path / "other_software").mkdir()
    for name in ("run", "spool"):
        (path / name).mkdir()
    (path / "lock").symlink_to(path / "run")  # as in /var
    with pytest.raises(
        StateDirError, match=r"srv holds what no router put there; give .* a folder of its own"
    ):
        prepare_state_dir(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


@pytest.mark.parametrize(
    "names", [["lost+found"], ["run"], ["spool"], ["incarnation", "notes.txt"], ["run", ".probe-7"]]
)
def test_folder_that_is_nobody_elses_is_taken(tmp_path, names):
    path = tmp_path / "state"
    path.mkdir(mode=0o755)
    for name in names:
        if name in {"incarnation", "notes.txt", ".probe-7"}:
            (path / name).write_text("")
        else:
            (path / name).mkdir()
    prepare_state_dir(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_state_directory_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "state"
    path.write_text("")
    with pytest.raises(StateDirError, match=r"router\.state_dir: .*state cannot be used .*make it a folder"):
        prepare_state_dir(path)


def test_state_directory_that_cannot_be_written_is_refused():
    if not Path("/proc/self").is_dir():
        pytest.skip("there is no /proc here to stand for a folder that nobody can write")
    with pytest.raises(StateDirError, match="cannot be used"):
        prepare_state_dir(Path("/proc/self/state"))


@pytest.mark.parametrize("system", sorted(NETWORK))
def test_network_file_system_is_refused(tmp_path, monkeypatch, system):
    monkeypatch.setattr(module, "file_system", lambda _path: system)
    with pytest.raises(StateDirError, match=f"is on {system}, where .* give it a local disk"):
        prepare_state_dir(tmp_path)


def test_file_system_is_told_by_its_name():
    assert file_system(Path("/proc")) == "0x9fa0"
    if Path("/dev/shm").is_dir():
        assert file_system(Path("/dev/shm")) == "tmpfs"
    with pytest.raises(FileNotFoundError):
        file_system(Path("/nowhere"))
