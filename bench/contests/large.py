"""The contest *large*: one object of 1 GiB. How long it takes, and what memory the greatest process has.

Received, and passed on to an archive. Who holds objects in memory cannot have a small figure here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import attrs

from bench import raw_sender
from bench.contestants.hilum import Hilum
from bench.contestants.receivers import Receiver, Storescp
from bench.contestants.routers import PASS_ON, HilumRouter
from bench.contests.receive import finish, warm_up
from bench.landing import wait_for_files
from bench.measure import Case, Run
from bench.objects import BenchObject, ObjectSource, large
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds, peak_memory_mib

CONTEST = "large"
_WITHIN_S = 300.0


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    everybody: list[Receiver] = [Hilum(), Storescp(), Storescp("+B")]
    receivers = plan.who_can(everybody)
    source = ObjectSource(large(plan.large_mib))
    with ExitStack() as stack:
        for receiver in receivers:
            stack.callback(receiver.end)
            receiver.start(folder / receiver.name)
            warm_up(receiver)
        way = _start_way(folder, plan, stack)
        for number in range(plan.rounds):
            for receiver in in_turn(receivers, number):
                yield _receive(receiver, source.make(1)[0])
            if way is not None:
                yield _route(*way, source.make(1)[0])


def _start_way(folder: Path, plan: Plan, stack: ExitStack) -> tuple[Receiver, Receiver] | None:
    """A router and its archive, if they can take part."""
    archive = Storescp("--fork", "+B")
    if not plan.includes(Hilum.name) or archive.missing():
        return None
    stack.callback(archive.end)
    archive.start(folder / "archive")
    router = HilumRouter(PASS_ON, archive.port)
    stack.callback(router.end)
    router.start(folder / "router")
    return router, archive


def _receive(receiver: Receiver, an_object: BenchObject) -> Run:
    os.sync()
    before_s = cpu_seconds(receiver.pid)
    took_s = raw_sender.stream_large(receiver.port, receiver.called_ae, an_object)
    peak_mib = peak_memory_mib(receiver.pid)
    case = Case(contest=CONTEST, kind=f"{an_object.kind.words}, received", associations=1)
    run = finish(receiver, case, [an_object], took_s=took_s, cpu_before_s=before_s)
    return attrs.evolve(run, peak_mib=max(peak_mib, peak_memory_mib(receiver.pid)))


def _route(router: Receiver, archive: Receiver, an_object: BenchObject) -> Run:
    os.sync()
    before_s = cpu_seconds(router.pid)
    started = time.perf_counter()
    raw_sender.stream_large(router.port, router.called_ae, an_object)
    took_s = wait_for_files([archive.folder], [an_object], within_s=_WITHIN_S) - started
    case = Case(contest=CONTEST, kind=f"{an_object.kind.words}, passed on", associations=1)
    run = finish(router, case, [an_object], took_s=took_s, cpu_before_s=before_s, archive=archive)
    return attrs.evolve(run, peak_mib=peak_memory_mib(router.pid))
