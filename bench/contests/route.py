"""The contest *route*: sender, router, archive. From the first byte sent to the last file in the archive.

Passing on as it is, with a filter on four tags, with an edit of two. Each router has an archive of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from bench import raw_sender
from bench.contestants.receivers import Receiver, Storescp
from bench.contestants.routers import EDIT, FILTER, PASS_ON, Task, routers
from bench.contests.receive import finish
from bench.landing import wait_for_files
from bench.measure import Case, Run
from bench.objects import KINDS, BenchObject, Kind, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds

CONTEST = "route"
TASKS = (PASS_ON, FILTER, EDIT)
_WITHIN_S = 120.0


@attrs.frozen(kw_only=True)
class _Way:
    """A router and the archive behind it."""

    task: Task
    router: Receiver
    archive: Storescp

    @property
    def name(self) -> str:
        return self.router.name

    def missing(self) -> str:
        return self.router.missing()


def case_of(kind: Kind, task: Task) -> Case:
    """How a task with a kind of object is called."""
    words = f"{kind.words}, {task.words}" if task.words else kind.words
    return Case(contest=CONTEST, kind=words, associations=1)


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    archive = Storescp("--fork", "+B")
    if archive.missing():
        plan.tell(f"left out: {CONTEST} needs {archive.missing()}")
        return
    sources = {kind: ObjectSource(kind) for kind in plan.counts}
    archive_folder = folder / "archive"
    ways: list[_Way] = []
    try:
        archive.start(archive_folder)
        for number, task in enumerate(TASKS):
            own = [_Way(task=task, router=one, archive=archive) for one in routers(task, archive.port)]
            for way in plan.who_can(own):
                ways.append(way)
                way.router.start(folder / f"{way.name}-{number}")
                _warm_up(way)
        for number in range(plan.rounds):
            for kind, source in sources.items():
                for task in TASKS:
                    for way in in_turn([one for one in ways if one.task is task], number):
                        yield _run(way, kind, source.make(plan.count(kind, way.router.share)))
    finally:
        for way in ways:
            way.router.end()
        archive.end()


def _warm_up(way: _Way) -> None:
    """Have every process load what it loads at its first object."""
    for kind in KINDS:
        _run(way, kind, ObjectSource(kind, seed=0).make(4))


def _run(way: _Way, kind: Kind, objects: Sequence[BenchObject]) -> Run:
    os.sync()
    router, archive = way.router, way.archive
    before_s = cpu_seconds(router.pid)
    started = time.perf_counter()
    raw_sender.stream(router.port, router.dialect, objects, associations=1)
    took_s = wait_for_files([archive.folder], objects, within_s=_WITHIN_S) - started
    expected = [one.with_values(way.task.edits) for one in objects]
    case = case_of(kind, way.task)
    return finish(router, case, expected, took_s=took_s, cpu_before_s=before_s, archive=archive)
