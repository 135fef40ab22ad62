"""The contest *associate*: each object comes over an association of its own, as many modalities send.

128 presentation contexts are proposed each time, as DCMTK's storescu does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pynetdicom import AllStoragePresentationContexts

from bench.contestants.hilum import Hilum
from bench.contestants.orthanc import Orthanc
from bench.contestants.receivers import Pynetdicom, Receiver, Storescp
from bench.contests.receive import finish, warm_up
from bench.measure import Case, Run
from bench.objects import SMALL, BenchObject, ObjectSource
from bench.plan import Plan, in_turn
from bench.processes import cpu_seconds
from bench.raw_sender import Dicom, stream_one_by_one

CONTEST = "associate"
CASE = Case(contest=CONTEST, kind=f"{SMALL.words}, each on its own", associations=1)
_CONTEXTS = 128
_SHARE = 0.2


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    everybody: list[Receiver] = [
        Hilum(),
        Storescp(),
        Storescp("--fork"),
        Pynetdicom(),
        Orthanc(is_durable=True),
        Orthanc(is_durable=False),
    ]
    receivers = plan.who_can(everybody)
    source = ObjectSource(SMALL)
    try:
        for receiver in receivers:
            receiver.start(folder / receiver.name)
            warm_up(receiver)
        for number in range(plan.rounds):
            for receiver in in_turn(receivers, number):
                yield _run(receiver, source.make(plan.count(SMALL, _SHARE)))
    finally:
        for receiver in receivers:
            receiver.end()


def _run(receiver: Receiver, objects: Sequence[BenchObject]) -> Run:
    os.sync()
    before_s = cpu_seconds(receiver.pid)
    dialect = Dicom(receiver.called_ae, more_sop_classes=_other_sop_classes())
    took_s = stream_one_by_one(receiver.port, dialect, objects)
    return finish(receiver, CASE, objects, took_s=took_s, cpu_before_s=before_s)


def _other_sop_classes() -> list[str]:
    """SOP classes of storage, so that with the object's own there are 128."""
    known = [str(context.abstract_syntax) for context in AllStoragePresentationContexts]
    return [uid for uid in known if uid != SMALL.sop_class_uid][: _CONTEXTS - 1]
