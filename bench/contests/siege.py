"""The contest *siege*: a sender beside hundreds of connections that say nothing and a flood of strangers.

The strangers are rejected for their AE title, so many a second. What they cost the sender, besides places, is
the processor: theirs is counted to nobody, and runs on the same two cores.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from bench.contestants.hilum import HILUM, Hilum
from bench.contests.receive import run, warm_up
from bench.measure import Case, Run
from bench.objects import Kind, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import python_module, start

CONTEST = "siege"
IDLE = 300
REJECTED_A_SECOND = 100


@attrs.frozen(kw_only=True)
class Neighbourhood:
    """Who else is at the port."""

    is_besieged: bool

    @property
    def name(self) -> str:
        """Only Hilum takes part."""
        return HILUM

    def missing(self) -> str:
        """Nothing."""
        return ""


ALONE = Neighbourhood(is_besieged=False)
BESIEGED = Neighbourhood(is_besieged=True)


def case_of(kind: Kind, neighbourhood: Neighbourhood) -> Case:
    """How sending a kind of object is called."""
    beside = f", beside {IDLE} idle, {REJECTED_A_SECOND} rejected/s" if neighbourhood.is_besieged else ""
    return Case(contest=CONTEST, kind=f"{kind.words}{beside}", associations=1)


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    neighbourhoods = plan.who_can([ALONE, BESIEGED])
    router = Hilum()
    try:
        router.start(folder / "router")
        warm_up(router)
        sources = {kind: ObjectSource(kind) for kind in plan.counts}
        for number in range(plan.rounds):
            for neighbourhood in in_turn(neighbourhoods, number):
                with _neighbours(neighbourhood, router.port, folder / "besieger.log"):
                    for kind, source in sources.items():
                        yield run(router, case_of(kind, neighbourhood), source.make(plan.count(kind)))
    finally:
        router.end()


@contextmanager
def _neighbours(neighbourhood: Neighbourhood, port: int, log: Path) -> Iterator[None]:
    if not neighbourhood.is_besieged:
        yield
        return
    besieger = start(
        python_module("bench.programs.besieger", str(port), str(IDLE), str(REJECTED_A_SECOND)), log
    )
    try:
        besieger.read_port()
        yield
    finally:
        besieger.end()
