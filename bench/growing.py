"""The contest *growth*: Hilum with a thousand, a hundred thousand and a million objects already there.

What is there, `bench.queue_filler` makes: rows in the queue, and files in the folder that start-up and
reconcile look through; most of it is delivered, some waits for a lane that rests. Three things are measured:

- *start-up*: from the start of `hilum run`, after a clean stop, to the answer to its first C-STORE;
- *receive*: into the router so started, when it has come to rest;
- *claim and settle*: the queue alone, as ROUTE and DELIVER use it, while the router is stopped.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bench import raw_sender
from bench.arrivals import Arrived, compare
from bench.contestants.hilum import HILUM, PEER
from bench.measure import Case, Run
from bench.objects import SMALL, BenchObject, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds, free_port
from bench.queue_filler import RESTING, WORKING, fill, stored_object
from hilum_core.clock import SystemClock, microseconds
from hilum_core.incarnation import Incarnation
from hilum_core.queue import QUEUE_FILE, SqliteQueue
from hilum_core.queue.records import HeaderFacts, NewDelivery, Routed, RouteMatch, Sent
from hilum_core.queue.states import OBJECTS
from hilum_core.spool import ObjectIds
from hilum_core.spool.ids import FIRST_ID, HOUR_US, hour_folder
from hilum_core.spool.layout import Layout
from hilum_core.testing import RunningRouter
from hilum_sdk import Receipt

CONTEST = "growth"
ROWS = (1_000, 100_000, 1_000_000)
START_UP, RECEIVE, CLAIM = "start-up", "receive", "claim and settle"
ASSOCIATIONS = (1, 4)

_RECEIVED, _CLAIMED, _BATCH = 1000, 2048, 64
_MOST_GROWN = 0.1
_REST_S, _AT_REST_CPU_S = 0.5, 0.03
_SETTLED = OBJECTS.moves["settle"].target
_DIALECT = raw_sender.Dicom("HILUM")
_CONFIG = """
[router]
listen            = "127.0.0.1:0"
state_dir         = "{state_dir}"
refuse_below_free = "64MiB"
keep_settled      = "30d"
unmatched         = "discard"
{peer}
[peers.{working}]
ae_title = "WORKING"
host     = "127.0.0.1"
port     = {port}

[peers.{resting}]
ae_title = "RESTING"
host     = "127.0.0.1"
port     = {port}

[filters.elsewhere]
type  = "tags"
where = {{ InstitutionName = ["Elsewhere"] }}

[sinks.{working}]
type = "dicom"
peer = "{working}"

[sinks.{resting}]
type = "dicom"
peer = "{resting}"

[[routes]]
name    = "all"
filters = ["elsewhere"]
sinks   = ["{working}", "{resting}"]
"""


def case_of(what: str, rows: int, associations: int = 1) -> Case:
    """The case of a measurement with so many rows there."""
    return Case(contest=CONTEST, kind=f"{what} at {_words(rows)} rows", associations=associations)


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds, each with all sizes; gives each run when it is done."""
    if not plan.includes(HILUM):  # only Hilum has a queue that could grow
        return
    places = [_Place(folder / str(count), count) for count in ROWS if count <= plan.most_rows]
    for number in range(plan.rounds):
        for place in in_turn(places, number):
            yield from place.measure()


def _hour_now() -> str:
    return hour_folder(microseconds(datetime.now(UTC)) // HOUR_US)


def _words(rows: int) -> str:
    millions, rest = divmod(rows, 1_000_000)
    return f"{rows // 1000} thousand" if rest or not millions else f"{millions} million"


class _Place:
    """A router and what it holds: filled once, anew when it has grown by a tenth or the hour has passed."""

    def __init__(self, folder: Path, rows: int) -> None:
        folder.mkdir()
        self._rows = rows
        self._added = 0
        self._hour = ""
        self._state_dir = folder / "state"
        self._source = ObjectSource(SMALL, seed=rows)
        config = folder / "hilum.toml"
        config.write_text(
            _CONFIG.format(
                state_dir=self._state_dir, peer=PEER, working=WORKING, resting=RESTING, port=free_port()
            ),
            encoding="utf-8",
        )
        self._router = RunningRouter(config, self._state_dir, folder / "router.log")

    def measure(self) -> Iterator[Run]:
        """Measure everything once."""
        self._fill_if_need_be()
        try:
            yield self._start_up()
            self._come_to_rest()
            for associations in ASSOCIATIONS:
                yield self._receive(associations)
        finally:
            self._router.stop()
        yield self._claim()

    def _fill_if_need_be(self) -> None:
        while self._added > self._rows * _MOST_GROWN or self._hour != _hour_now():
            shutil.rmtree(self._state_dir, ignore_errors=True)
            self._hour = _hour_now()
            fill(self._state_dir, self._rows)
            self._added = 0
            # The first start finds things as no router leaves them.
            self._start_up()
            self._come_to_rest()
            self._router.stop()

    def _make(self, count: int) -> list[BenchObject]:
        self._added += count
        return self._source.make(count)

    # ---- with the router

    def _start_up(self) -> Run:
        objects = self._make(1)
        last_id = self._last_id()
        started = time.perf_counter()
        self._router.start()
        raw_sender.stream(self._router.port, _DIALECT, objects, associations=1)
        took_s = time.perf_counter() - started
        cpu_s = cpu_seconds(self._pid)
        files = self._wait_until_settled(1, last_id)
        return _run(case_of(START_UP, self._rows), took_s, cpu_s, compare(objects, files))

    def _receive(self, associations: int) -> Run:
        objects = self._make(_RECEIVED)
        last_id = self._last_id()
        before_s = cpu_seconds(self._pid)
        took_s = raw_sender.stream(self._router.port, _DIALECT, objects, associations=associations)
        files = self._wait_until_settled(_RECEIVED, last_id)
        cpu_s = cpu_seconds(self._pid) - before_s
        case = case_of(RECEIVE, self._rows, associations)
        return _run(case, took_s, cpu_s, compare(objects, files))

    @property
    def _pid(self) -> int:
        assert self._router.process is not None
        return self._router.process.pid

    def _come_to_rest(self) -> None:
        """Wait until every process has started and done what it does at its start."""
        workers = {"route.worker", "render.worker", "deliver.worker"}
        self._router.wait_until(lambda: workers <= set(self._router.processes()))
        self._router.wait_until(self._is_at_rest, within_s=120)

    def _is_at_rest(self) -> bool:
        before_s = cpu_seconds(self._pid)
        time.sleep(_REST_S)
        return cpu_seconds(self._pid) - before_s <= _AT_REST_CPU_S

    def _last_id(self) -> str:
        with self._router.queue() as queue:
            return queue.last_object_id() or FIRST_ID

    def _wait_until_settled(self, count: int, last_id: str) -> list[Path]:
        """Wait until so many objects have come after that one and are settled; their files.

        Only those are looked at: to count a million rows or files again and again would be felt.
        """
        layout = Layout(self._state_dir)
        with self._router.queue() as queue:

            def settled() -> list[Path]:
                rows = queue.list_objects(limit=count)
                ids = [row.stored.instance.id for row in rows if row.state == _SETTLED]
                paths = [layout.settled_path(object_id) for object_id in ids if object_id > last_id]
                # The file follows its row.
                return paths if len(paths) == count and all(map(Path.exists, paths)) else []

            return self._router.wait_until(settled, within_s=120)

    # ---- with the queue alone

    def _claim(self) -> Run:
        """Take objects through the queue. They have no files, and nobody asks for them any more."""
        incarnation = Incarnation.claim(self._state_dir, "bench")
        ids = ObjectIds(incarnation.number, SystemClock())
        stored = [stored_object(ids.new(), one, datetime.now(UTC)) for one in self._make(_CLAIMED)]
        with closing(SqliteQueue.open(self._state_dir / QUEUE_FILE, incarnation.number)) as queue:
            for start in range(0, _CLAIMED, _BATCH):
                queue.add_objects(stored[start : start + _BATCH])
            cpu_before_s, started = time.process_time(), time.perf_counter()
            settled = sum(_cycle(queue) for _ in range(0, _CLAIMED, _BATCH))
            took_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu_before_s
        incarnation.close()
        arrived = Arrived(expected=_CLAIMED, exact=settled)
        return _run(case_of(CLAIM, self._rows), took_s, cpu_s, arrived)


def _run(case: Case, took_s: float, cpu_s: float, arrived: Arrived) -> Run:
    return Run(
        case=case,
        contestant=HILUM,
        words="Hilum",
        is_durable=True,
        objects=arrived.expected,
        took_s=took_s,
        cpu_s=cpu_s,
        arrived=arrived,
    )


def _cycle(queue: SqliteQueue) -> int:
    """Take a batch from received to settled; how many were."""
    facts = HeaderFacts(
        study_instance_uid="2.25.2", series_instance_uid="2.25.3", modality="OT", patient_key="0" * 16
    )
    queue.settle_routings(
        [
            Routed(
                object_id=one.stored.instance.id,
                lease_no=one.lease_no,
                facts=facts,
                matches=(RouteMatch(route="all", why="everything"),),
                deliveries=(NewDelivery(sink=WORKING, route="all"),),
                revision=1,
            )
            for one in queue.claim_objects(_BATCH)
        ]
    )
    return len(
        queue.settle_deliveries(
            [
                Sent(delivery_id=one.delivery_id, lease_no=one.lease_no, receipt=Receipt(status=0))
                for one in queue.claim_deliveries(WORKING, _BATCH)
            ]
        )
    )
