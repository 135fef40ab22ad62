"""The contest *fan-out*: Hilum to several destinations; with one of them dead and one slow or hanging.

An object counts when every healthy destination has it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs

from bench import raw_sender
from bench.arrivals import Arrived, compare
from bench.contestants.hilum import HILUM, Hilum
from bench.contestants.receivers import Pynetdicom, Receiver, Storescp
from bench.landing import wait_for_files
from bench.measure import Case, Run
from bench.objects import CT, SMALL, BenchObject, Kind, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds, free_port

CONTEST = "fan-out"
_MOST = 10
_SLOW = "slow"
_HANGING = "hanging"
_ANSWERS_AFTER_S = {_SLOW: 0.2, _HANGING: 3600.0}
_WITHIN_S = 120.0
_SHARES = {CT: 0.15, SMALL: 0.2}
_SINK = """
[peers.to{number}]
ae_title = "TO{number}"
host     = "127.0.0.1"
port     = {port}

[sinks.to{number}]
type = "dicom"
peer = "to{number}"
"""


@attrs.frozen(kw_only=True)
class Spread:
    """To whom Hilum sends: so many healthy destinations, and a dead one beside an ill one or neither."""

    healthy: int
    ill: str | None = None

    @property
    def name(self) -> str:
        """Only Hilum takes part."""
        return HILUM

    def missing(self) -> str:
        """Nothing."""
        return ""

    def words(self, kind: Kind) -> str:
        """With a kind of object, for people."""
        words = f"{kind.words}, to {self.healthy}"
        return words if self.ill is None else f"{words}, one dead, one {self.ill}"


WITHOUT_ILL = Spread(healthy=_MOST - 2)
WITH_ILL = tuple(Spread(healthy=_MOST - 2, ill=ill) for ill in _ANSWERS_AFTER_S)
SPREADS = (*(Spread(healthy=number) for number in (1, 2, 5, _MOST)), WITHOUT_ILL, *WITH_ILL)


def case_of(kind: Kind, spread: Spread) -> Case:
    """How a spread of a kind of object is called."""
    return Case(contest=CONTEST, kind=spread.words(kind), associations=1)


@attrs.frozen(kw_only=True)
class _Destinations:
    """Ten healthy ones, one for each illness, and a port on which nobody listens."""

    healthy: Sequence[Receiver]
    ill: Mapping[str, Receiver]
    dead_port: int

    def of(self, spread: Spread) -> Sequence[Receiver]:
        """The healthy ones of a spread."""
        return self.healthy[: spread.healthy]

    def config(self, spread: Spread) -> str:
        """The config of a router to these."""
        ports = [one.port for one in self.of(spread)]
        if spread.ill is not None:
            ports += [self.ill[spread.ill].port, self.dead_port]
        sinks = "".join(_SINK.format(number=number, port=port) for number, port in enumerate(ports))
        names = ", ".join(f'"to{number}"' for number in range(len(ports)))
        return f'{sinks}\n[[routes]]\nname  = "to all"\nsinks = [{names}]\n'


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    if Storescp().missing():
        plan.tell(f"left out: {CONTEST} needs {Storescp().missing()}")
        return
    spreads = plan.who_can(SPREADS)
    sources = {kind: ObjectSource(kind) for kind in plan.counts}
    with ExitStack() as stack:
        destinations = _start(folder, stack)
        for number in range(plan.rounds):
            for spread in in_turn(spreads, number):
                place = folder / f"{number}-{SPREADS.index(spread)}"
                yield from _run_all(spread, destinations, place, sources, plan)


def _start(folder: Path, stack: ExitStack) -> _Destinations:
    healthy = [Storescp("--fork", "+B") for _ in range(_MOST)]
    ill = {name: Pynetdicom(wait_s=wait_s) for name, wait_s in _ANSWERS_AFTER_S.items()}
    for number, receiver in enumerate([*healthy, *ill.values()]):
        stack.callback(receiver.end)
        receiver.start(folder / f"destination-{number}")
    return _Destinations(healthy=healthy, ill=ill, dead_port=free_port())


def _run_all(
    spread: Spread,
    destinations: _Destinations,
    place: Path,
    sources: dict[Kind, ObjectSource],
    plan: Plan,
) -> Iterator[Run]:
    """Run with a router of its own, so that what waits for the ill ones delays no other run."""
    router = Hilum(destinations.config(spread), keep_settled="0s", stop_within="1s")
    try:
        router.start(place)
        _run(spread, router, destinations.of(spread), ObjectSource(SMALL, seed=0).make(4))
        for kind, source in sources.items():
            yield _run(spread, router, destinations.of(spread), source.make(plan.count(kind, _SHARES[kind])))
    finally:
        router.end()


def _run(spread: Spread, router: Hilum, healthy: Sequence[Receiver], objects: Sequence[BenchObject]) -> Run:
    os.sync()
    before_s = cpu_seconds(router.pid)
    started = time.perf_counter()
    raw_sender.stream(router.port, router.dialect, objects, associations=1)
    folders = [one.folder for one in healthy]
    took_s = wait_for_files(folders, objects, within_s=_WITHIN_S) - started
    cpu_s = cpu_seconds(router.pid) - before_s
    if spread.ill is None:
        router.settle()
    arrivals = [compare(objects, one.files()) for one in healthy]
    for one in healthy:
        one.remove()
    return Run(
        case=case_of(objects[0].kind, spread),
        contestant=HILUM,
        words=router.words,
        is_durable=True,
        objects=len(objects),
        took_s=took_s,
        cpu_s=cpu_s,
        arrived=Arrived(
            expected=sum(one.expected for one in arrivals), exact=sum(one.exact for one in arrivals)
        ),
    )
