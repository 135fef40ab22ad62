"""The contest *nagle*: a sender that leaves Nagle's algorithm on, as DCMTK's do unless told otherwise.

The second part of each message then waits until the receiver has acknowledged the first, and a receiver that
takes its time to acknowledge makes every object wait for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from bench.clocked import SentFolder, send, start_up
from bench.contestants.hilum import Hilum
from bench.contestants.receivers import Pynetdicom, Receiver, Storescp
from bench.contestants.senders import Sender, dcmsend
from bench.contests.receive import finish, warm_up
from bench.measure import Case, Run
from bench.objects import SMALL, BenchObject, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds
from bench.stopwatch import Used

CONTEST = "nagle"
CASE = Case(contest=CONTEST, kind=SMALL.words, associations=1)
_SHARE = 0.5
_SHARE_OF_THE_SLOW = 0.04


@attrs.frozen(kw_only=True)
class _Try:
    """A receiver, what it is sent, and what the sender takes to start."""

    receiver: Receiver
    sender: Sender
    objects: list[BenchObject]
    sent: SentFolder
    start_up: Used


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    if dcmsend().missing():
        plan.tell(f"left out: {CONTEST} needs {dcmsend().missing()} (DCMTK)")
        return
    receivers = plan.who_can(_contestants())
    try:
        tries = [_prepare(receiver, folder / receiver.name, plan) for receiver in receivers]
        for number in range(plan.rounds):
            for one in in_turn(tries, number):
                yield _run(one)
    finally:
        for receiver in receivers:
            receiver.end()


def _contestants() -> list[Receiver]:
    as_it_comes = Storescp(environment={})
    as_it_comes.words += ", Nagle on"
    hasty = Storescp()
    hasty.name, hasty.words = "storescp-nodelay", f"{hasty.words}, its Nagle off"
    return [Hilum(), as_it_comes, hasty, Pynetdicom()]


def _prepare(receiver: Receiver, folder: Path, plan: Plan) -> _Try:
    receiver.start(folder / "receiver")
    warm_up(receiver)
    share = _SHARE if isinstance(receiver, Hilum) else _SHARE_OF_THE_SLOW
    objects = ObjectSource(SMALL).make(plan.count(SMALL, share))
    sent = SentFolder.write(objects, folder / "sent")
    sender = dcmsend(called_ae=receiver.called_ae, times=1, environment={})
    least = start_up(sender, receiver.port, sent)
    return _Try(receiver=receiver, sender=sender, objects=objects, sent=sent, start_up=least)


def _run(one: _Try) -> Run:
    os.sync()
    before_s = cpu_seconds(one.receiver.pid)
    used = send(one.sender, one.receiver.port, one.sent, one.start_up)
    run = finish(one.receiver, CASE, one.objects, took_s=used.took_s, cpu_before_s=before_s)
    return attrs.evolve(run, objects=used.stored)
