"""The contest *receive*: the raw sender into each receiver, over one association and over four."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import raw_sender
from bench.arrivals import compare
from bench.contestants.hilum import Hilum
from bench.contestants.orthanc import Orthanc
from bench.contestants.receivers import Floor, Pynetdicom, Receiver, Storescp
from bench.measure import Case, Run
from bench.objects import KINDS, BenchObject, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds

CONTEST = "receive"
ASSOCIATIONS = (1, 4)


def contestants() -> list[Receiver]:
    """Everybody who can receive."""
    return [
        Floor(),
        Hilum(),
        Storescp(),
        Storescp("+B"),
        Storescp("--fork"),
        Storescp("--fork", "+B"),
        Pynetdicom(),
        Orthanc(is_durable=True),
        Orthanc(is_durable=False),
    ]


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    receivers = plan.who_can(contestants())
    sources = {kind: ObjectSource(kind) for kind in plan.counts}
    try:
        for receiver in receivers:
            receiver.start(folder / receiver.name)
            warm_up(receiver)
        for number in range(plan.rounds):
            for kind, source in sources.items():
                for associations in ASSOCIATIONS:
                    case = Case(contest=CONTEST, kind=kind.words, associations=associations)
                    for receiver in in_turn(receivers, number):
                        if associations > 1 or "fork" not in receiver.name:
                            yield run(receiver, case, source.make(plan.count(kind, receiver.share)))
    finally:
        for receiver in receivers:
            receiver.end()


def warm_up(receiver: Receiver) -> None:
    """Have the program load what it loads at its first object."""
    for kind in KINDS:
        objects = ObjectSource(kind, seed=0).make(4)
        raw_sender.stream(receiver.port, receiver.dialect, objects, associations=1)
    receiver.settle()
    receiver.clear()


def run(receiver: Receiver, case: Case, objects: Sequence[BenchObject]) -> Run:
    """Send objects to a receiver that has started."""
    os.sync()  # what others left to be written is written before the clock starts
    before_s = cpu_seconds(receiver.pid)
    took_s = raw_sender.stream(receiver.port, receiver.dialect, objects, associations=case.associations)
    return finish(receiver, case, objects, took_s=took_s, cpu_before_s=before_s)


def finish(
    receiver: Receiver,
    case: Case,
    objects: Sequence[BenchObject],
    *,
    took_s: float,
    cpu_before_s: float,
    archive: Receiver | None = None,
) -> Run:
    """Wait until the receiver has done everything, compare what arrived, and have it removed.

    With an archive, that is where the objects are to be.
    """
    receiver.settle()
    cpu_s = cpu_seconds(receiver.pid) - cpu_before_s
    arrived = compare(objects, (archive or receiver).files())
    if archive is not None:
        archive.remove()
    receiver.clear()
    return Run(
        case=case,
        contestant=receiver.name,
        words=receiver.words,
        is_durable=receiver.is_durable,
        objects=len(objects),
        took_s=took_s,
        cpu_s=cpu_s,
        arrived=arrived,
    )
