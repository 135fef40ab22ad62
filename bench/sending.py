"""The contest *send*: each sender into one `storescp --ignore`, which keeps nothing.

What counts is finding the files, the association, and every object, but not the start of the program. A
sender in Python times itself. Of one that cannot, what it takes to send one file, given as often, is
taken off: the least of several.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bench.arrivals import Arrived
from bench.measure import Case, Run
from bench.objects import Kind, ObjectSource
from bench.processes import DCMTK_ENVIRONMENT, Server, free_port, start
from bench.senders import Sender
from bench.stopwatch import Used

CONTEST = "send"
_STARTS = 5
_LEAST_S = 0.001


def compete(
    senders: Sequence[Sender], folder: Path, *, rounds: int, counts: Mapping[Kind, int]
) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    folders = {kind: _write(kind, count, folder / kind.name) for kind, count in counts.items()}
    port = free_port()
    command = ["storescp", "--fork", "--ignore", str(port)]
    peer: Server = start(command, folder / "storescp.log", environment=DCMTK_ENVIRONMENT)
    try:
        peer.wait_for_port(port)
        start_up = {
            (sender.name, kind): _start_up(sender, port, one)
            for sender in senders
            for kind, (one, _) in folders.items()
        }
        for number in range(rounds):
            for kind, (_, whole) in folders.items():
                for sender in (*senders[number % len(senders) :], *senders[: number % len(senders)]):
                    yield _run(sender, kind, port, whole, start_up[sender.name, kind])
    finally:
        peer.end()


def _write(kind: Kind, count: int, folder: Path) -> tuple[Path, Path]:
    """Write a folder with one object and a folder with all."""
    one, whole = folder / "one", folder / "whole"
    source = ObjectSource(kind)
    for place, number in ((one, 1), (whole, count)):
        place.mkdir(parents=True)
        for an_object in source.make(number):
            an_object.write(place)
    return one, whole


def _start_up(sender: Sender, port: int, one: Path) -> Used:
    """What to take off; of a sender that times itself, nothing."""
    if sender.times_itself:
        return Used(took_s=0, cpu_s=0, stored=0)
    starts = [_send(sender, port, one, count=sender.times) for _ in range(_STARTS)]
    return min(starts, key=lambda used: used.took_s)


def _run(sender: Sender, kind: Kind, port: int, whole: Path, start_up: Used) -> Run:
    count = len(list(whole.iterdir())) * sender.times
    used = _send(sender, port, whole, count=count)
    return Run(
        case=Case(contest=CONTEST, kind=kind.words, associations=1),
        contestant=sender.name,
        words=sender.words,
        is_durable=None,
        objects=count - start_up.stored,
        took_s=max(used.took_s - start_up.took_s, _LEAST_S),
        cpu_s=max(used.cpu_s - start_up.cpu_s, 0.0),
        # A peer that ignores keeps nothing to compare: what counts are its answers.
        arrived=Arrived(expected=count, exact=used.stored),
    )


def _send(sender: Sender, port: int, folder: Path, *, count: int) -> Used:
    """Run the sender; what it took.

    Raises
    ------
    subprocess.CalledProcessError
        It failed. One that times itself says how many objects were stored instead.
    """
    before_s = _cpu_of_children()
    started = time.perf_counter()
    done = subprocess.run(
        sender.command(port, folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **sender.environment},
        check=True,
        text=True,
    )
    if sender.times_itself:
        return Used.parse(done.stdout)
    took_s = time.perf_counter() - started
    return Used(took_s=took_s, cpu_s=_cpu_of_children() - before_s, stored=count)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
