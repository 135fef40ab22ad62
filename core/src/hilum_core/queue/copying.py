"""A copy of the queue as it is at one moment, made while processes write it."""

from __future__ import annotations

from pathlib import Path

import apsw
import attrs

from hilum_core.filesystem import make_durable
from hilum_core.queue.errors import QueueDamaged, QueueUnavailable
from hilum_core.queue.sqlite import SqliteQueue

_ALL_PAGES = -1
_PATIENCE_MS = 30_000


@attrs.frozen(kw_only=True)
class Copied:
    """What the copy is of."""

    version: int
    mark: int


def copy_queue(path: Path, to: Path) -> Copied:
    """Copy by SQLite's online backup: writers go on, and the copy has what was committed when it began.

    Raises
    ------
    QueueUnavailable, QueueDamaged
        It cannot be read or copied.
    """
    try:
        source = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        target = apsw.Connection(str(to))
        try:
            source.set_busy_timeout(_PATIENCE_MS)
            # All at once: step by step it would begin anew whenever another process commits.
            with target.backup("main", source, "main") as copying:
                copying.step(_ALL_PAGES)
            version = int(target.pragma("user_version"))
            faults = [text for (text,) in target.execute("PRAGMA quick_check(1)") if text != "ok"]
        finally:
            target.close()
            source.close()
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise QueueDamaged(f"{path}: damaged ({error}); `hilum doctor` says more") from error
    except apsw.Error as error:
        raise QueueUnavailable(f"{path}: cannot be copied to {to} ({error})") from error
    if faults:
        raise QueueDamaged(f"{path}: damaged ({faults[0]}); `hilum doctor` says more")
    queue = SqliteQueue.open(to)
    try:
        mark = queue.last_mark()
    finally:
        queue.close()
    make_durable(to)
    return Copied(version=version, mark=mark)
