"""A state directory as a router leaves it that has been busy: all that is there came within this hour.

A first thousand, the *pattern*, goes through the queue's own methods, by a clock of its own. All others are
copies of its rows, made by SQL: every column as the methods gave it, but for what must differ between
objects (row numbers, ids, UIDs, patients, times). What came is delivered and kept until it is purged; some
objects wait for a lane that rests; some are held for a person.

Every object has its file where start-up and reconcile look for it, in the folder of one hour: as many in
one place as can be. Sixty thousand at a time are hard links to one file, because names are what a folder
costs, and nobody reads them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import apsw

from bench.objects import SMALL, TRANSFER_SYNTAX_UID, BenchObject, ObjectSource
from hilum_core.clock import ManualClock
from hilum_core.incarnation import PRIVATE_DIR, Incarnation, prepare_state_dir
from hilum_core.queue import QUEUE_FILE, SqliteQueue
from hilum_core.queue.records import (
    Failure,
    HeaderFacts,
    NewDelivery,
    Routed,
    RouteMatch,
    RoutingHeld,
    RoutingOutcome,
    Sent,
)
from hilum_core.queue.states import OBJECTS
from hilum_core.spool import ObjectIds, StoredObject, open_spool
from hilum_core.spool.file_format import SUFFIX
from hilum_core.spool.ids import TIME_WIDTH, first_id_of, hour_folder, hour_of, received_us
from hilum_sdk import Association, Instance, Receipt

WORKING, RESTING = "archive", "teaching"
"""The sinks: one has taken all it was given, deliveries to the other wait."""

PATTERN = 1000
_LEAST_SPAN = timedelta(seconds=20)
_BATCH = 50
_WAITS_EVERY, _HELD_EVERY = 25, 200
_STUDY = 125
_MOST_LINKS = 60_000
_PLACES = {OBJECTS.moves["settle"].target: "settled"}
_ASSOCIATION = Association(calling_ae="BENCH", called_ae="HILUM", peer="bench", address="127.0.0.1")
_FAST = """
PRAGMA journal_mode = MEMORY;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -1048576;
PRAGMA locking_mode = EXCLUSIVE;
"""

_LATER_TIMES = ("received_at", "settled_at", "purged_at", "first_attempt_at", "ended_at", "rank", "at")
_CHANGES = {
    "objects": {
        "seq": "seq + :n * :objects",
        "id": "later_id(id, :later)",
        "sop_instance_uid": "another_uid(sop_instance_uid, :n)",
        "study_instance_uid": "study_instance_uid || '.' || :n",
        "series_instance_uid": "series_instance_uid || '.' || :n",
        "patient_key": "another_key(patient_key, :n)",
    },
    "deliveries": {
        "seq": "seq + :n * :deliveries",
        "object": "object + :n * :objects",
        "shard_key": "(SELECT crc32(patient_key) FROM objects WHERE seq = object + :n * :objects)",
    },
    "events": {
        "cursor": "cursor + :n * :events",
        "object": "object + :n * :objects",
        "delivery": "delivery + :n * :deliveries",
    },
}


def fill(state_dir: Path, rows: int) -> None:
    """Make a state directory with this many objects, received one after the other since the hour began.

    Raises
    ------
    ValueError
        The number is not a multiple of `PATTERN`.
    """
    times, rest = divmod(rows, PATTERN)
    if rest or not times:
        raise ValueError(f"rows: {rows} is not a multiple of {PATTERN}")
    began, now = _this_hour()
    span = (now - began) / times
    prepare_state_dir(state_dir)
    incarnation = Incarnation.claim(state_dir, "receive")
    try:
        template = _Pattern(state_dir, incarnation.number, ManualClock(began), span).make()
    finally:
        incarnation.close()
    _copy_rows(state_dir / QUEUE_FILE, times - 1, span)
    _make_files(state_dir, template)
    os.sync()  # so that nothing of this is still to be written while something is measured


def _this_hour() -> tuple[datetime, datetime]:
    """When the hour began, and now; waits where it has only just begun."""
    while True:
        now = datetime.now(UTC)
        began = now.replace(minute=0, second=0, microsecond=0)
        if now - began >= _LEAST_SPAN:
            return began, now
        time.sleep(1)


class _Pattern:
    """The first thousand objects, as RECEIVE, ROUTE and DELIVER put them into the queue."""

    def __init__(self, state_dir: Path, incarnation: int, clock: ManualClock, span: timedelta) -> None:
        self._clock = clock
        self._step = span * _BATCH / PATTERN
        self._queue = SqliteQueue.open(state_dir / QUEUE_FILE, incarnation, clock)
        self._ids = ObjectIds(incarnation, clock)
        self._spool = open_spool(state_dir, incarnation, clock=clock, refuse_below_free=0)
        self._objects = ObjectSource(SMALL, seed=2).make(PATTERN)

    def make(self) -> Path:
        """Make them; returns a file as the spool has it, which is none of theirs."""
        for start in range(0, PATTERN, _BATCH):
            self._go_through(range(start, start + _BATCH))
            self._clock.advance(self._step)
        self._queue.close()
        return self._file(self._objects[0])

    def _file(self, an_object: BenchObject) -> Path:
        writer = self._spool.begin(
            sop_class_uid=SMALL.sop_class_uid,
            sop_instance_uid=an_object.sop_instance_uid,
            transfer_syntax_uid=TRANSFER_SYNTAX_UID,
            association=_ASSOCIATION,
            received_at=self._clock.now(),
        )
        for piece in an_object.data_set():
            writer.write([memoryview(piece)])
        path = self._spool.locate(writer.commit().instance.id)
        return path.rename(self._spool.root / "template.dcm")

    def _go_through(self, numbers: Sequence[int]) -> None:
        now = self._clock.now()
        stored = [stored_object(self._ids.new(), self._objects[number], now) for number in numbers]
        self._queue.add_objects(stored)
        claimed = self._queue.claim_objects(_BATCH)
        lease_numbers = {one.stored.instance.id: one.lease_no for one in claimed}
        self._queue.settle_routings(
            [
                self._outcome(number, one.instance.id, lease_numbers[one.instance.id])
                for number, one in zip(numbers, stored, strict=True)
            ]
        )
        leased = self._queue.claim_deliveries(WORKING, _BATCH)
        self._queue.settle_deliveries(
            [
                Sent(delivery_id=one.delivery_id, lease_no=one.lease_no, receipt=Receipt(status=0))
                for one in leased
            ]
        )

    @staticmethod
    def _outcome(number: int, object_id: str, lease_no: int) -> RoutingOutcome:
        study = number // _STUDY
        facts = HeaderFacts(
            study_instance_uid=f"2.25.{10**37 + study}",
            series_instance_uid=f"2.25.{2 * 10**37 + study}",
            modality="OT",
            patient_key=another_key("", study),
        )
        if number % _HELD_EVERY == 0:
            failure = Failure(text="no route takes it")
            return RoutingHeld(
                object_id=object_id, lease_no=lease_no, code="unmatched", failure=failure, facts=facts
            )
        sinks = (WORKING, RESTING) if number % _WAITS_EVERY == 1 else (WORKING,)
        return Routed(
            object_id=object_id,
            lease_no=lease_no,
            facts=facts,
            matches=(RouteMatch(route="all", why="everything"),),
            deliveries=tuple(NewDelivery(sink=sink, route="all") for sink in sinks),
            revision=1,
        )


def stored_object(object_id: str, an_object: BenchObject, received_at: datetime) -> StoredObject:
    """What RECEIVE tells the queue of an object."""
    return StoredObject(
        instance=Instance(
            id=object_id,
            sop_class_uid=an_object.kind.sop_class_uid,
            sop_instance_uid=an_object.sop_instance_uid,
            transfer_syntax_uid=TRANSFER_SYNTAX_UID,
            data_set_bytes=an_object.size_bytes,
            received_at=received_at,
            association=_ASSOCIATION,
        ),
        checksum=an_object.checksum(),
    )


def later_id(object_id: str, later_us: int) -> str:
    """The id that the same process would have given later."""
    return first_id_of(received_us(object_id) + later_us)[:TIME_WIDTH] + object_id[TIME_WIDTH:]


def another_uid(uid: str, number: int) -> str:
    """A UID as far from the first as a UUID from another (PS3.5 B.2): no two pages of an index are near."""
    digest = hashlib.blake2b(f"{uid} {number}".encode(), digest_size=16).digest()
    return f"2.25.{10**37 + int.from_bytes(digest) % (9 * 10**37)}"


def another_key(patient_key: str, number: int) -> str:
    """A digest of a patient, as long as those of ROUTE."""
    return hashlib.blake2b(f"{patient_key} {number}".encode(), digest_size=8).hexdigest()


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "later_id": later_id,
    "another_uid": another_uid,
    "another_key": another_key,
    "crc32": lambda text: zlib.crc32(text.encode()),
}


def _copy_rows(path: Path, copies: int, span: timedelta) -> None:
    """Add the pattern's rows so many times, each time as if that much later."""
    connection = apsw.Connection(str(path))
    try:
        connection.execute(_FAST)
        for name, function in _FUNCTIONS.items():
            connection.create_scalar_function(name, function, deterministic=True)
        sizes = {table: _last_row(connection, table) for table in _CHANGES}
        statements = [_copy_sql(connection, table) for table in _CHANGES]
        with connection:
            for number in range(1, copies + 1):
                later_us = number * span // timedelta(microseconds=1)
                for statement in statements:
                    connection.execute(statement, {"n": number, "later": later_us, **sizes})
            connection.execute("UPDATE ended SET number = number * ?", (copies + 1,))
    finally:
        connection.close()


def _copy_sql(connection: apsw.Connection, table: str) -> str:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    changes = {**{name: f"{name} + :later" for name in _LATER_TIMES}, **_CHANGES[table]}
    values = ", ".join(changes.get(column, column) for column in columns)
    return f"INSERT INTO {table} SELECT {values} FROM {table} WHERE rowid <= :{table} ORDER BY rowid"


def _last_row(connection: apsw.Connection, table: str) -> int:
    row: Any = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
    return int(row[0])


def _make_files(state_dir: Path, template: Path) -> None:
    """Give every object its file, where it is while it waits or once it is settled."""
    folder_of = cache(hour_folder)
    made: set[str] = set()
    for number, (object_id, state) in enumerate(_objects(state_dir / QUEUE_FILE)):
        if number and number % _MOST_LINKS == 0:
            _renew(template)
        # As text: a million times a Path costs more than all else.
        folder = f"{state_dir}/{_PLACES.get(state, 'spool')}/{folder_of(hour_of(object_id))}"
        if folder not in made:
            Path(folder).mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            made.add(folder)
        os.link(template, f"{folder}/{object_id}{SUFFIX}")
    template.unlink()


def _objects(path: Path) -> Iterator[Any]:
    """Id and state of every object."""
    connection = apsw.Connection(str(path))
    try:
        yield from connection.execute("SELECT id, state FROM objects ORDER BY seq")
    finally:
        connection.close()


def _renew(template: Path) -> None:
    """Put a file of its own in the place of one that has as many names as a file may have."""
    fresh = template.with_suffix(".new")
    shutil.copyfile(template, fresh)
    fresh.replace(template)
