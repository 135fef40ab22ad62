"""One process's connection to the embedded queue: transactions, what they log, and what can go wrong.

Each topic (intake, routing, …) is a `Topic` over the session of its queue, and marks each of its methods
as one transaction with `writes` or `reads`.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import apsw

from hilum_core.clock import Clock, microseconds
from hilum_core.queue import schema
from hilum_core.queue.errors import QueueDamaged, QueueUnavailable
from hilum_core.spool.space import Ballast

PATIENCE_S = 30.0
_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -16384;
PRAGMA temp_store = MEMORY;
"""
_WAIT = "PRAGMA synchronous = FULL"
_DO_NOT_WAIT = "PRAGMA synchronous = NORMAL"
_ADD_EVENT = (
    "INSERT INTO events (at, kind, object, delivery, sink, by_whom, detail) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_COUNT_ENDED = (
    "INSERT INTO ended (sink, state, number) VALUES (?, ?, ?)"
    " ON CONFLICT DO UPDATE SET number = number + excluded.number"
)

Self = TypeVar("Self", bound="Topic")
P = ParamSpec("P")
Result = TypeVar("Result")

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Session:
    """The connection, and what the transaction under way adds to the ledger.

    Parameters
    ----------
    path
        The file; made with its tables if it is not there.
    incarnation
        Owner of the leases taken here; 0 for those who only look and act for people.
    ballast
        Given up when the disk is full, so that the queue can still record what was acknowledged.
    patience_s
        How long to wait for another process that writes.
    epoch
        The start of the router, or of a config, that the process works for.
    """

    def __init__(
        self,
        path: Path,
        incarnation: int,
        clock: Clock,
        ballast: Ballast,
        *,
        patience_s: float = PATIENCE_S,
        epoch: str = "",
    ) -> None:
        self.incarnation = incarnation
        self.epoch = epoch
        self._clock = clock
        self._ballast = ballast
        self._entries: list[tuple[object, ...]] = []
        self._ended: Counter[tuple[str, str]] = Counter()
        self._began_at = 0
        self._waits = True
        self._log_has_hole = False
        try:
            try:
                self._connection = _connect(path, patience_s)
            except (apsw.FullError, apsw.IOError, QueueUnavailable):
                # Without room for another file, SQLite says that it cannot open one.
                if not ballast.release():
                    raise
                self._connection = _connect(path, patience_s)
        except apsw.Error as error:
            raise _unavailable(str(path), error) from error
        self.transact("BEGIN IMMEDIATE", lambda: schema.create_or_check(self._connection, self._began_at))

    def close(self) -> None:
        """Close the connection. Safe twice."""
        self._connection.close()

    @property
    def now(self) -> int:
        """The time of the transaction under way, as the tables keep it."""
        return self._began_at

    def log(
        self,
        kind: str,
        *,
        object_seq: int | None = None,
        delivery_seq: int | None = None,
        sink: str | None = None,
        by: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        """Add a line to the ledger, in the transaction under way."""
        text = _encode(detail) if detail else None
        self._entries.append((self._began_at, kind, object_seq, delivery_seq, sink, by, text))

    def count_ended(self, sink: str, state: str) -> None:
        """Count a delivery that ended, in the transaction under way.

        Ended rows are in no index of states, and are forgotten one day, so the status has its figures
        from here.
        Purged objects are counted with an empty sink.
        """
        self._ended[sink, state] += 1

    def execute(self, sql: str, bindings: Any = ()) -> None:
        """Run a statement."""
        self._connection.execute(sql, bindings)

    def rows(self, sql: str, bindings: Any = ()) -> list[Any]:
        """All rows of a statement."""
        return self._connection.execute(sql, bindings).fetchall()

    def row(self, sql: str, bindings: Any = ()) -> Any:
        """The first row of a statement, or None."""
        rows = self._connection.execute(sql, bindings).fetchall()
        return rows[0] if rows else None

    def many(self, sql: str, bindings: Sequence[Any]) -> list[Any]:
        """Run a statement once for each binding; the rows that all of them returned."""
        return self._connection.executemany(sql, bindings).fetchall() if bindings else []

    def transact(self, begin: str, body: Callable[[], Result], *, waits: bool = True) -> Result:
        """Run a transaction; where the disk is full, once more on the room that the ballast gives.

        Parameters
        ----------
        waits
            Whether it is on the disk when this returns. If not, the next that waits takes it along.

        Raises
        ------
        QueueUnavailable, QueueDamaged
            Nothing was changed.
        """
        try:
            if waits is not self._waits:
                self._connection.execute(_WAIT if waits else _DO_NOT_WAIT)
                self._waits = waits
            try:
                return self._attempt(begin, body)
            except (apsw.FullError, apsw.IOError):
                if not self._ballast.release():
                    raise
                return self._attempt(begin, body)
        except (apsw.NotADBError, apsw.CorruptError) as error:
            raise _damaged(self._connection.filename, error) from error
        except apsw.ConstraintError:
            raise  # a defect of ours: nothing to wait for
        except apsw.Error as error:
            raise _unavailable(self._connection.filename, error) from error

    def _attempt(self, begin: str, body: Callable[[], Result]) -> Result:
        if self._log_has_hole:
            self._empty_log()
        self._entries.clear()
        self._ended.clear()
        self._connection.execute(begin)
        self._began_at = microseconds(self._clock.now())
        try:
            result = body()
            if self._entries:
                self._connection.executemany(_ADD_EVENT, self._entries)
            if self._ended:
                ended = [(*key, number) for key, number in self._ended.items()]
                self._connection.executemany(_COUNT_ENDED, ended)
            self._connection.execute("COMMIT")
        except BaseException as error:
            if getattr(error, "extendedresult", 0) == apsw.SQLITE_IOERR_FSYNC:
                self._log_has_hole = True
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return result

    def _empty_log(self) -> None:
        """Have all that stands in the log written to the file itself, and begin the log anew.

        After a failed sync the disk may lack what was committed before without waiting, and the kernel calls
        the next sync good. A log is read up to its first hole: a power cut would undo all that is recorded
        after it, or, once a part of that is in the file, leave a queue of two times.
        """
        (is_busy,) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][:1]
        if is_busy:
            raise apsw.BusyError("others use its log, in which a sync failed")
        self._log_has_hole = False


class Topic:
    """A part of the queue's methods, over one session."""

    def __init__(self, session: Session) -> None:
        self._db = session

    def transact(self, begin: str, body: Callable[[], Result], *, waits: bool = True) -> Result:
        """Run a transaction of the session."""
        return self._db.transact(begin, body, waits=waits)


def writes(method: Callable[Concatenate[Self, P], Result]) -> Callable[Concatenate[Self, P], Result]:
    """Make a method one durable transaction. It may run twice, so it must change nothing but the queue."""
    return _transaction(method, "BEGIN IMMEDIATE")


def leases(method: Callable[Concatenate[Self, P], Result]) -> Callable[Concatenate[Self, P], Result]:
    """Make a method one transaction that need not outlast a power cut: what it leases is leased again.

    It waits for no sync of the disk. The next durable transaction, of any process, makes it durable too.
    """
    return _transaction(method, "BEGIN IMMEDIATE", waits=False)


def reads(method: Callable[Concatenate[Self, P], Result]) -> Callable[Concatenate[Self, P], Result]:
    """Make a method see one state of the queue, however many queries it asks."""
    return _transaction(method, "BEGIN")


def _transaction(
    method: Callable[Concatenate[Self, P], Result], begin: str, *, waits: bool = True
) -> Callable[Concatenate[Self, P], Result]:
    @functools.wraps(method)
    def transaction(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> Result:
        return self.transact(begin, lambda: method(self, *args, **kwargs), waits=waits)

    return transaction


def _connect(path: Path, patience_s: float) -> apsw.Connection:
    try:
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(int(patience_s * 1000))
        connection.execute(_PRAGMAS)
    except apsw.CantOpenError as error:
        raise QueueUnavailable(
            f"{path}: cannot be opened; see that the folder exists and belongs to the user of the router"
        ) from error
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise _damaged(str(path), error) from error
    return connection


def _unavailable(path: str, error: apsw.Error) -> QueueUnavailable:
    return QueueUnavailable(
        f"{path}: {error}; see that the disk is sound and has room, and that no other program holds the queue"
    )


def _damaged(path: str, error: apsw.Error) -> QueueDamaged:
    return QueueDamaged(
        f"{path}: no queue, or damaged ({error}); stop the router and call `hilum doctor --rebuild`: the "
        f"objects are safe in the spool"
    )
