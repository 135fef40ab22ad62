"""One process of the supervisor: asked to leave, killed, not to be had."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess

import pytest

from hilum_core.stage import StageArguments
from hilum_core.supervisor.child import Child

STUBBORN = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: None)
sys.stdout.write("up")
sys.stdout.flush()
while True:
    signal.pause()
"""


@pytest.fixture
def child(tmp_path, monkeypatch):
    (tmp_path / "stubborn_stage.py").write_text(STUBBORN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reader, writer = os.pipe()
    arguments = StageArguments(
        state_dir=tmp_path, revision=1, lifeline_fd=reader, lock_fd=reader, stop_within_s=1
    )
    yield Child("stubborn", "stubborn_stage", arguments)
    os.close(reader)
    os.close(writer)


def test_what_does_not_leave_in_time_is_killed(child, capfd):
    child.start()
    said = ""
    while not said:
        said = capfd.readouterr().out
    child.leave(3600)
    assert not child.kill_if_overdue()
    child.leave(0)  # asked once is asked: the first deadline holds
    assert not child.kill_if_overdue()
    child._leave_by = 0
    assert child.kill_if_overdue()
    assert not child.kill_if_overdue()
    select.select([child], [], [])
    assert child.collect() == -signal.SIGKILL


def test_a_process_that_cannot_be_watched_is_none(child, monkeypatch):
    started = []

    def refuse(pid):
        started.append(pid)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        child.start()
    assert not child.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_without_a_process_there_is_nothing_to_ask_or_kill(child, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(BlockingIOError):
        child.start()
    assert child.clock.ended() > 0
    child.leave(0)
    assert not child.kill_if_overdue()
