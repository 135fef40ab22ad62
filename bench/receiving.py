"""The contest *receive*: the raw sender into each receiver, rounds interleaved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench import raw_sender
from bench.arrivals import compare
from bench.measure import Case, Run
from bench.objects import KINDS, BenchObject, Kind, ObjectSource
from bench.processes import cpu_seconds
from bench.receivers import Receiver

CONTEST = "receive"
ASSOCIATIONS = (1, 4)


def compete(
    receivers: Sequence[type[Receiver]], folder: Path, *, rounds: int, counts: Mapping[Kind, int]
) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    sources = {kind: ObjectSource(kind) for kind in counts}
    started: list[Receiver] = []
    try:
        for cls in receivers:
            place = folder / cls.name
            place.mkdir()
            started.append(cls(place))
            started[-1].start()
            _warm_up(started[-1])
        for number in range(rounds):
            for kind, count in counts.items():
                for associations in ASSOCIATIONS:
                    case = Case(contest=CONTEST, kind=kind.words, associations=associations)
                    # Each round begins with another, so that nobody always runs after the same one.
                    for receiver in started[number % len(started) :] + started[: number % len(started)]:
                        yield _run(receiver, case, sources[kind].make(count))
    finally:
        for receiver in started:
            receiver.end()


def _warm_up(receiver: Receiver) -> None:
    """Have the program load what it loads at its first object."""
    for kind in KINDS:
        objects = ObjectSource(kind, seed=0).make(4)
        raw_sender.stream(receiver.port, receiver.dialect, objects, associations=1)
    receiver.settle()
    receiver.clear()


def _run(receiver: Receiver, case: Case, objects: Sequence[BenchObject]) -> Run:
    before_s = cpu_seconds(receiver.pid)
    took_s = raw_sender.stream(receiver.port, receiver.dialect, objects, associations=case.associations)
    receiver.settle()
    cpu_s = cpu_seconds(receiver.pid) - before_s
    arrived = compare(objects, receiver.files())
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
