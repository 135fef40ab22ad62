"""The file of the queue as it is, read and never written: for those who examine it, sound or not."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import apsw
import attrs

from hilum_core.clock import from_microseconds
from hilum_core.queue.leases import LEASED
from hilum_core.queue.states import OBJECTS, TAKEN, is_one_of

MOST_FAULTS = 5
_NEEDS_FILE = (*OBJECTS.open, OBJECTS.moves["settle"].target)
_SINK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PATIENCE_MS = 5000

_TAKEN_BY = f"""
SELECT o.id, d.sink FROM objects o JOIN deliveries d ON d.object = o.seq
WHERE {is_one_of(TAKEN, "d.state")}
"""


@attrs.frozen(kw_only=True)
class Lease:
    """Something in the hand of a process."""

    stage: str
    owner: int


class Inspection:
    """Questions about the file of a queue. All raise `apsw.Error` where it cannot be read."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def faults(self, *, deep: bool) -> Sequence[str]:
        """What SQLite's own check says; the deep one also compares every index with its table."""
        check = "integrity_check" if deep else "quick_check"
        rows = self._connection.execute(f"PRAGMA {check}({MOST_FAULTS})").fetchall()
        return [str(text) for (text,) in rows if text != "ok"]

    def version(self) -> int:
        """The version of its tables."""
        return int(self._connection.pragma("user_version"))

    def newest_received_at(self) -> datetime | None:
        """By the ids of its objects: the time of the newest."""
        (at,) = self._connection.execute("SELECT max(received_at) FROM objects").fetchall()[0]
        return None if at is None else from_microseconds(int(at))

    def leases(self) -> Iterator[Lease]:
        """All that is in hand."""
        for stage, sql in LEASED.items():
            for _, owner in self._connection.execute(sql):
                yield Lease(stage=stage, owner=int(owner))

    def objects_with_bytes(self) -> Mapping[str, str]:
        """The state of each object whose bytes should be there, by id."""
        query = f"SELECT id, state FROM objects WHERE {is_one_of(_NEEDS_FILE)}"
        return {str(object_id): str(state) for object_id, state in self._connection.execute(query)}

    def needs_file(self, object_id: str) -> bool:
        """Whether its bytes should be there now; a purge says so before it removes them."""
        query = f"SELECT 1 FROM objects WHERE id = ? AND {is_one_of(_NEEDS_FILE)}"
        return bool(self._connection.execute(query, (object_id,)).fetchall())

    def taken(self) -> Iterator[tuple[str, str]]:
        """The sinks that took an object, each with its id."""
        for object_id, sink in self._connection.execute(_TAKEN_BY):
            yield str(object_id), str(sink)

    def has_row(self, object_id: str) -> bool:
        """Whether there is a row of this object."""
        return bool(self._connection.execute("SELECT 1 FROM objects WHERE id = ?", (object_id,)).fetchall())


@contextmanager
def inspect(path: Path) -> Iterator[Inspection]:
    """Open the file of a queue, read only. Raises `apsw.Error`."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        connection.set_busy_timeout(_PATIENCE_MS)
        yield Inspection(connection)
    finally:
        connection.close()


def sinks_taken(*queues: Path) -> Mapping[str, Sequence[str]]:
    """What queues, sound or not, say of the sinks that took an object: as much of it as can be read."""
    taken: dict[str, set[str]] = defaultdict(set)
    for path in queues:
        with suppress(apsw.Error, UnicodeDecodeError), inspect(path) as queue:
            for object_id, sink in queue.taken():
                if _SINK_NAME.fullmatch(sink):  # a damaged page may say anything
                    taken[object_id].add(sink)
    return {object_id: sorted(sinks) for object_id, sinks in taken.items()}
