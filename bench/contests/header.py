"""The contest *header*: the header of one object of 1 GiB is edited, against copying its file.

Both ways end when the result is on stable storage. The copy is by the kernel (copy_file_range).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs

from bench.arrivals import compare
from bench.contestants.hilum import HILUM
from bench.measure import Case, Run
from bench.objects import BenchObject, ObjectSource, large
from bench.plan import Plan, in_turn
from bench.processes import python_module
from bench.programs.header_editor import EDIT

CONTEST = "header"
COPY = "copy"
_KIND = "one large object, header edited"
CASE = Case(contest=CONTEST, kind=_KIND, associations=1)


@attrs.frozen
class _Way:
    name: str
    words: str

    def missing(self) -> str:
        return ""


WAYS = (_Way(HILUM, "Hilum"), _Way(COPY, "copying the file"))


def compete(folder: Path, plan: Plan) -> Iterator[Run]:
    """Run all rounds; gives each run when it is done."""
    (an_object,) = ObjectSource(large(plan.large_mib)).make(1)
    source = an_object.write(folder)
    for number in range(plan.rounds):
        for way in in_turn(plan.who_can(WAYS), number):
            yield _run(way, an_object, source, folder / "out.dcm")


def _run(way: _Way, an_object: BenchObject, source: Path, target: Path) -> Run:
    os.sync()
    command = python_module("bench.programs.header_editor", way.name, str(source), str(target))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(done.stdout)
    expected = an_object.with_values(EDIT) if way.name == HILUM else an_object
    arrived = compare([expected], [target])
    target.unlink()
    return Run(
        case=CASE,
        contestant=way.name,
        words=way.words,
        is_durable=True,
        objects=1,
        took_s=figures["took_s"],
        cpu_s=figures["cpu_s"],
        arrived=arrived,
        peak_mib=figures["peak_mib"],
    )
