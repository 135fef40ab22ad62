"""The contest *send*: each sender's command into one `storescp --ignore`, which keeps nothing.

A command's time and CPU are those of sending the folder less those of sending one file of it, the least
of several: what it costs to start a program is not what is measured here.
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

CONTEST = "send"
_STARTS = 3
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
            (sender, kind): min(_send(sender, port, one) for _ in range(_STARTS))
            for sender in senders
            for kind, (one, _) in folders.items()
        }
        for number in range(rounds):
            for kind, (_, whole) in folders.items():
                for sender in (*senders[number % len(senders) :], *senders[: number % len(senders)]):
                    yield _run(sender, kind, port, whole, start_up[sender, kind])
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


def _run(sender: Sender, kind: Kind, port: int, whole: Path, start_up: tuple[float, float]) -> Run:
    count = len(list(whole.iterdir()))
    took_s, cpu_s = _send(sender, port, whole)
    return Run(
        case=Case(contest=CONTEST, kind=kind.words, associations=1),
        contestant=sender.name,
        words=sender.words,
        is_durable=None,
        objects=count - 1,
        took_s=max(took_s - start_up[0], _LEAST_S),
        cpu_s=max(cpu_s - start_up[1], 0.0),
        # A peer that ignores keeps nothing to compare; the command ends well only if all were stored.
        arrived=Arrived(expected=count, exact=count),
    )


def _send(sender: Sender, port: int, folder: Path) -> tuple[float, float]:
    """Run the command; its seconds by the clock and of CPU.

    Raises
    ------
    subprocess.CalledProcessError
        It says that an object was not stored.
    """
    command = sender.command(port, folder)
    before_s = _cpu_of_children()
    started = time.perf_counter()
    subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **sender.environment},
        check=True,
    )
    took_s = time.perf_counter() - started
    return took_s, _cpu_of_children() - before_s


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
