"""The contest *scale*: thousands of small objects of one study, and as many each of a study of its own.

They go through a router to one archive, in stretches that each end when the archive has all. Nothing should
become slower with what has come before, so the last stretch is held against the first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from bench import raw_sender
from bench.arrivals import compare, files_below
from bench.contestants.hilum import HILUM, Hilum
from bench.contestants.receivers import Receiver, Storescp
from bench.landing import wait_for_files
from bench.measure import Case, Run
from bench.objects import SMALL, BenchObject, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds, open_descriptors, peak_memory_mib

CONTEST = "scale"
STRETCHES = 5
FIRST, LAST, ALL = "first fifth", "last fifth", "all"
_WITHIN_S = 300.0
_CONFIG = """
[peers.archive]
ae_title = "ARCHIVE"
host     = "127.0.0.1"
port     = {port}

[sinks.archive]
type = "dicom"
peer = "archive"

[[routes]]
name  = "all"
sinks = ["archive"]
"""


@attrs.frozen(kw_only=True)
class Studies:
    """How the objects belong together."""

    words: str
    own_studies: bool

    @property
    def name(self) -> str:
        """Only Hilum takes part."""
        return HILUM

    def missing(self) -> str:
        """Nothing."""
        return ""


STUDIES = (
    Studies(words="one study", own_studies=False),
    Studies(words="a study and patient each", own_studies=True),
)


def case_of(studies: Studies, part: str) -> Case:
    """How a part of the objects is called."""
    return Case(contest=CONTEST, kind=f"{studies.words}, {part}", associations=1)


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    if Storescp().missing():
        plan.tell(f"left out: {CONTEST} needs {Storescp().missing()}")
        return
    both = plan.who_can(STUDIES)
    for number in range(plan.rounds):
        for studies in in_turn(both, number):
            yield from _run(studies, folder / f"{number}-{STUDIES.index(studies)}", plan)


def _run(studies: Studies, place: Path, plan: Plan) -> Iterator[Run]:
    """Run with a router and an archive of its own, so that each begins with nothing."""
    archive = Storescp("--fork", "+B")
    try:
        archive.start(place / "archive")
        router = Hilum(_CONFIG.format(port=archive.port))
        try:
            router.start(place / "router")
            yield from _Way(router, archive, place / "arrived").measure(studies, plan)
        finally:
            router.end()
    finally:
        archive.end()


class _Way:
    """A router, the archive behind it, and where arrivals are put aside.

    To look through all that has arrived, again and again, would cost more from stretch to stretch: what is
    measured would be the bench.
    """

    def __init__(self, router: Hilum, archive: Receiver, arrived: Path) -> None:
        self._router = router
        self._archive = archive
        self._arrived = arrived
        arrived.mkdir()

    def measure(self, studies: Studies, plan: Plan) -> Iterator[Run]:
        """Send all, stretch by stretch; gives the first, the last and the whole."""
        self._pass_on(ObjectSource(SMALL, seed=0).make(STRETCHES))
        self._router.settle()
        descriptors = open_descriptors(self._router.pid)
        source = ObjectSource(SMALL, own_studies=studies.own_studies)
        stretches = [source.make(plan.most_objects // STRETCHES) for _ in range(STRETCHES)]
        used = [self._pass_on(objects) for objects in stretches]
        grown = open_descriptors(self._router.pid) - descriptors
        plan.tell(f"{CONTEST}: {studies.words}: {descriptors} descriptors, {grown:+} at the end")
        yield self._outcome(case_of(studies, FIRST), stretches[:1], used[:1])
        yield self._outcome(case_of(studies, LAST), stretches[-1:], used[-1:])
        whole = self._outcome(case_of(studies, ALL), stretches, used)
        yield attrs.evolve(whole, peak_mib=peak_memory_mib(self._router.pid))

    def _pass_on(self, objects: Sequence[BenchObject]) -> tuple[float, float]:
        """Send objects and wait until the archive has them; seconds by the clock and of CPU."""
        os.sync()
        before_s, started = cpu_seconds(self._router.pid), time.perf_counter()
        raw_sender.stream(self._router.port, self._router.dialect, objects, associations=1)
        took_s = wait_for_files([self._archive.folder], objects, within_s=_WITHIN_S) - started
        self._router.settle()
        for path in self._archive.files():
            path.rename(self._arrived / path.name)
        return took_s, cpu_seconds(self._router.pid) - before_s

    def _outcome(
        self, case: Case, stretches: Sequence[Sequence[BenchObject]], used: Sequence[tuple[float, float]]
    ) -> Run:
        objects = [one for stretch in stretches for one in stretch]
        arrived = compare(objects, files_below(self._arrived))
        return Run(
            case=case,
            contestant=HILUM,
            words=self._router.words,
            is_durable=True,
            objects=len(objects),
            took_s=sum(took_s for took_s, _ in used),
            cpu_s=sum(cpu_s for _, cpu_s in used),
            arrived=arrived,
        )
