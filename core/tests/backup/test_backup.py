"""What a backup holds, what it does not, and what is refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import apsw
import pytest

from hilum_core import revisions
from hilum_core.backup.manifest import BackupError, Manifest
from hilum_core.backup.restore import restore
from hilum_core.backup.take import take_backup
from hilum_core.incarnation import (
    Incarnation,
    StateDirInUse,
    last_incarnation,
    lock_state_dir,
    prepare_state_dir,
)
from hilum_core.queue import QueueDamaged, SqliteQueue

CONFIG = """
[router]
ae_title = "HILUM"
[peers.pacs]
tls = { certificate = "/etc/hilum/cert.pem", key = "/etc/hilum/key.pem" }
[transforms.safe]
secret = { env = "HILUM_TRIAL_7" }
"""


@pytest.fixture
def state_dir(tmp_path):
    made = tmp_path / "state"
    prepare_state_dir(made)
    for _ in range(7):
        Incarnation.claim(made, "receive").close()
    SqliteQueue.open(made / "queue.sqlite").close()
    revisions.accept(made, CONFIG)
    (made / "patient.key").write_text("a secret")
    return made


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "hilum.toml"
    path.write_text(CONFIG)
    return path


def test_a_backup_has_queue_and_configs_and_names_what_it_has_not(state_dir, config, tmp_path):
    folder = tmp_path / "backup"
    made = take_backup(state_dir, config, folder)
    assert set(made.files) == {"queue.sqlite", "config/000001.toml", "hilum.toml"}
    assert made.references == ("env HILUM_TRIAL_7", "file /etc/hilum/cert.pem", "file /etc/hilum/key.pem")
    assert Manifest.read(folder) == made
    assert not any("patient" in path.name for path in folder.rglob("*"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "queue.sqlite").stat().st_mode) == 0o600
    connection = apsw.Connection(str(folder / "queue.sqlite"))
    assert connection.pragma("integrity_check") == "ok"


def test_a_backup_goes_into_a_folder_of_its_own(state_dir, config, tmp_path):
    with pytest.raises(BackupError, match="is not empty"):
        take_backup(state_dir, config, tmp_path)
    with pytest.raises(BackupError, match="no router has worked here"):
        take_backup(tmp_path / "nowhere", config, tmp_path / "backup")


def test_all_of_a_backup_is_durable_when_it_is_done(state_dir, config, tmp_path, monkeypatch):
    durable = set()
    fsync = os.fsync

    def note(descriptor):
        durable.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    folder = tmp_path / "backup"
    take_backup(state_dir, config, folder)
    assert {folder.parent, folder, *folder.rglob("*")} <= durable


def test_no_backup_is_made_of_a_damaged_queue(state_dir, config, tmp_path):
    (state_dir / "queue.sqlite").write_bytes(b"\x5a" * 20_000)
    with pytest.raises(QueueDamaged):
        take_backup(state_dir, config, tmp_path / "backup")


def test_a_backup_that_was_changed_is_refused(state_dir, config, tmp_path):
    folder = tmp_path / "backup"
    take_backup(state_dir, config, folder)
    with (folder / "queue.sqlite").open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    with pytest.raises(BackupError, match=r"queue\.sqlite: is not what was backed up"):
        restore(folder, tmp_path / "new", replace=False)
    (folder / "manifest.json").write_text(json.dumps({"format": 1}))
    with pytest.raises(BackupError, match="no backup that can be read"):
        restore(folder, tmp_path / "new", replace=False)


def test_a_restore_keeps_what_was_there_and_goes_on_with_the_numbers_of_processes(
    state_dir, config, tmp_path
):
    folder = tmp_path / "backup"
    take_backup(state_dir, config, folder)
    revisions.accept(state_dir, CONFIG + "# newer\n")
    done = restore(folder, state_dir, replace=True)
    assert {path.name for path in done.aside.iterdir()} >= {"queue.sqlite", "config"}
    assert revisions.latest(state_dir) == 1
    fresh = tmp_path / "fresh"
    restore(folder, fresh, replace=False)
    assert last_incarnation(fresh) == 7


def test_a_restore_is_refused_while_a_router_runs(state_dir, config, tmp_path):
    folder = tmp_path / "backup"
    take_backup(state_dir, config, folder)
    lock_state_dir(state_dir)
    with pytest.raises(StateDirInUse):
        restore(folder, state_dir, replace=True)
