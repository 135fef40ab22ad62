"""The contest *send*: each sender into one `storescp --ignore`, which keeps nothing.

What counts is finding the files, the association, and every object, but not the start of the program.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.arrivals import Arrived
from bench.clocked import SentFolder, send, start_up
from bench.contestants.receivers import Storescp
from bench.contestants.senders import SENDERS, Sender
from bench.measure import Case, Run
from bench.objects import Kind, ObjectSource
from bench.plan import Plan, in_turn
from bench.stopwatch import Used

CONTEST = "send"


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    peer = Storescp("--fork", "--ignore")
    if peer.missing():
        plan.tell(f"left out: {CONTEST} needs {peer.missing()}")
        return
    senders = plan.who_can(SENDERS)
    sent = {
        kind: SentFolder.write(ObjectSource(kind).make(plan.count(kind)), folder / kind.name)
        for kind in plan.counts
    }
    try:
        peer.start(folder / "peer")
        start_ups = {
            (sender, kind): start_up(sender, peer.port, folders)
            for sender in senders
            for kind, folders in sent.items()
        }
        for number in range(plan.rounds):
            for kind, folders in sent.items():
                for sender in in_turn(senders, number):
                    yield _run(sender, kind, peer.port, folders, start_ups[sender, kind])
    finally:
        peer.end()


def _run(sender: Sender, kind: Kind, port: int, sent: SentFolder, taken_off: Used) -> Run:
    os.sync()
    used = send(sender, port, sent, taken_off)
    expected = sent.count * sender.times - taken_off.stored
    return Run(
        case=Case(contest=CONTEST, kind=kind.words, associations=1),
        contestant=sender.name,
        words=sender.words,
        is_durable=None,
        objects=expected,
        took_s=used.took_s,
        cpu_s=used.cpu_s,
        # A peer that ignores keeps nothing to compare: what counts are its answers.
        arrived=Arrived(expected=expected, exact=used.stored),
    )
