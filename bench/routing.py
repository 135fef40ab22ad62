"""The contest *route*: sender, router, archive. From the first byte sent to the last file in the archive."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import raw_sender
from bench.arrivals import compare
from bench.hilum_receiver import HILUM, PEER
from bench.measure import Case, Run
from bench.objects import BenchObject, Kind, ObjectSource
from bench.processes import cpu_seconds
from bench.receivers import StorescpBitPreserving
from hilum_core.testing import RunningRouter, running_router

CONTEST = "route"
_POLL_S = 0.01
_WITHIN_S = 60.0
_CONFIG = """
[peers.archive]
ae_title = "ARCHIVE"
host     = "127.0.0.1"
port     = {port}

[filters.bench]
type  = "tags"
where = {{ InstitutionName = ["Bench"] }}

[sinks.archive]
type = "dicom"
peer = "archive"

[[routes]]
name    = "bench"
filters = ["bench"]
sinks   = ["archive"]
"""


class LateError(Exception):
    """Not everything arrived in the archive in time."""


def compete(folder: Path, *, rounds: int, counts: Mapping[Kind, int]) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    sources = {kind: ObjectSource(kind) for kind in counts}
    archive = StorescpBitPreserving(_made(folder / "archive"))
    with ExitStack() as stack:
        archive.start()
        stack.callback(archive.end)
        config = PEER + _CONFIG.format(port=archive.port)
        router = stack.enter_context(running_router(_made(folder / "router"), config))
        router.wait_until(lambda: {"route.worker", "deliver.worker"} <= set(router.processes()))
        for kind, source in sources.items():
            _run(router, archive, kind, source.make(4))  # so that every process has loaded what it needs
        for _ in range(rounds):
            for kind, count in counts.items():
                yield _run(router, archive, kind, sources[kind].make(count))


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _run(
    router: RunningRouter, archive: StorescpBitPreserving, kind: Kind, objects: Sequence[BenchObject]
) -> Run:
    assert router.process is not None
    before_s = cpu_seconds(router.process.pid)
    started = time.perf_counter()
    raw_sender.stream(router.port, raw_sender.Dicom("HILUM"), objects, associations=1)
    _wait_for_files(archive, len(objects), started + _WITHIN_S)
    took_s = time.perf_counter() - started
    router.wait_until(lambda: _is_idle(router))
    cpu_s = cpu_seconds(router.process.pid) - before_s
    arrived = compare(objects, archive.files())
    archive.clear()
    return Run(
        case=Case(contest=CONTEST, kind=kind.words, associations=1),
        contestant=HILUM,
        words="Hilum to storescp +B",
        is_durable=True,
        objects=len(objects),
        took_s=took_s,
        cpu_s=cpu_s,
        arrived=arrived,
    )


def _wait_for_files(archive: StorescpBitPreserving, count: int, deadline: float) -> None:
    while sum(1 for _ in archive.files()) < count:
        if time.perf_counter() > deadline:
            raise LateError(f"the archive has not all {count} objects after {_WITHIN_S:g} s")
        time.sleep(_POLL_S)


def _is_idle(router: RunningRouter) -> bool:
    with router.queue() as queue:
        objects = queue.status().objects
    return sum(objects.values()) == objects.get("settled", 0)
