"""The file: made once, synced, private, refused where it is of another kind or time."""

from __future__ import annotations

import subprocess
import sys

import apsw
import pytest

from hilum_core.queue import QueueUnavailable, QueueUnusable, SqliteQueue
from hilum_core.queue.schema import VERSION


def test_newer_version_is_refused_and_left_alone(desk):
    desk.receive()
    raw = apsw.Connection(str(desk.path))
    raw.pragma("user_version", VERSION + 1)
    with pytest.raises(QueueUnusable, match=f"has version {VERSION + 1} .* install the newer release again"):
        SqliteQueue.open(desk.path, 2)
    assert raw.execute("SELECT count(*) FROM objects").fetchall() == [(1,)]


def test_queue_of_the_first_version_is_brought_up_to_this_one(tmp_path):
    path = tmp_path / "queue.sqlite"
    SqliteQueue.open(path).close()
    raw = apsw.Connection(str(path))
    wanted = _schema(raw)
    raw.execute("DROP INDEX deliveries_rendered")
    raw.execute("DROP TABLE transforms")
    for column in ("verified", "identity", "epoch"):
        raw.execute(f"ALTER TABLE renderings DROP COLUMN {column}")
    raw.pragma("user_version", 1)
    SqliteQueue.open(path).close()
    assert raw.pragma("user_version") == VERSION
    assert _schema(raw) == wanted


def _schema(raw):
    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    indexes = raw.execute("SELECT name FROM sqlite_schema WHERE type = 'index'").fetchall()
    columns = {name: {row[1:4] for row in raw.execute(f"PRAGMA table_info({name})")} for name in tables}
    return columns, set(indexes)


def test_file_that_is_no_queue_is_refused(tmp_path):
    path = tmp_path / "queue.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(QueueUnusable, match=r"queue\.sqlite: no"):
        SqliteQueue.open(path)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(QueueUnavailable, match=r"nowhere/queue\.sqlite: cannot be opened"):
        SqliteQueue.open(tmp_path / "nowhere" / "queue.sqlite")


def test_every_commit_is_synced_and_readers_do_not_block(desk):
    pragma = desk.queue._session._connection.pragma
    assert (pragma("journal_mode"), pragma("synchronous")) == ("wal", 2)


def test_processes_that_start_at_once_make_one_queue(tmp_path):
    code = (
        "import sys, pathlib; from hilum_core.queue import SqliteQueue;"
        "print(SqliteQueue.open(pathlib.Path(sys.argv[1])).trusted_since())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "queue.sqlite")]
    starting = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {process.communicate(timeout=60)[0] for process in starting}
    assert [process.returncode for process in starting] == [0, 0, 0, 0]
    assert len(answers) == 1


def test_locked_queue_is_unavailable_and_nothing_is_changed(desk):
    desk.queue._session._connection.set_busy_timeout(10)
    other = apsw.Connection(str(desk.path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(QueueUnavailable, match="no other program holds the queue"):
        desk.queue.add_objects([desk.stored()])
    other.execute("ROLLBACK")
    assert desk.queue.events(0, 10) == []


def test_closing_twice_is_safe(desk):
    desk.queue.close()
    desk.queue.close()


def test_queue_and_spool_load_neither_pynetdicom_nor_pydicom_nor_pluggy():
    code = (
        "import sys, hilum_core.queue, hilum_core.spool;"
        "print([m for m in ('pluggy', 'pydicom', 'pynetdicom') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
