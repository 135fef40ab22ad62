"""`python -m powercuts`: records, cuts, looks, and prints what became of what was acknowledged."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from powercuts.autopsy import examine
from powercuts.medium import FILE_SYSTEMS, missing, mounted
from powercuts.platter import Platter
from powercuts.recording import Recording, make_objects, record
from powercuts.revival import revive

_NAMESPACES = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_INSIDE = "POWERCUTS_INSIDE"
_MEMORY_DISK = Path("/dev/shm")
_COMPLAINTS_SHOWN = 20


@attrs.define(kw_only=True)
class Sum:
    """What all cuts on one file system add up to."""

    file_system: str
    recordings: int = 0
    cuts: int = 0
    acknowledged: int = 0
    found_without_a_row: int = 0
    half_set_aside: int = 0
    starts: int = 0
    sent_twice: int = 0
    broken: list[str] = attrs.field(factory=list)


def main(argv: Sequence[str]) -> int:
    """Run; 1 if a promise was broken, 2 if this machine cannot do it."""
    arguments = _parse(argv)
    if lacks := missing(arguments.file_system):
        print(f"power cuts need {', '.join(lacks)}", file=sys.stderr)
        return 2
    if _INSIDE not in os.environ:
        os.environ[_INSIDE] = "1"
        os.execvp(_NAMESPACES[0], [*_NAMESPACES, sys.executable, "-m", "powercuts", *argv])
    folder = Path(tempfile.mkdtemp(prefix="powercuts-", dir=_MEMORY_DISK if _MEMORY_DISK.is_dir() else None))
    try:
        objects = make_objects(folder / "objects", arguments.objects)
        sums = [_cut_one(name, folder, objects, arguments) for name in arguments.file_system]
    finally:
        shutil.rmtree(folder)
    print(json.dumps([attrs.asdict(one) for one in sums]) if arguments.json else _table(sums))
    return 1 if any(one.broken for one in sums) else 0


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="powercuts", description=__doc__)
    known = ", ".join(FILE_SYSTEMS)
    parser.add_argument("file_system", nargs="*", default=FILE_SYSTEMS, help=f"of {known}; by default all")
    parser.add_argument("--minutes", type=float, default=0, help="for each file system")
    parser.add_argument("--cuts", type=int, default=40, help="at least, for each file system")
    parser.add_argument("--per-recording", type=int, default=40, help="cuts into each recording")
    parser.add_argument("--start-every", type=int, default=10, help="cuts after which a router is started")
    parser.add_argument("--objects", type=int, default=300, help="for each recording")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    if strange := set(arguments.file_system) - set(FILE_SYSTEMS):
        parser.error(f"no such file system: {', '.join(sorted(strange))}; there are {known}")
    return arguments


def _cut_one(name: str, folder: Path, objects: Sequence[Path], arguments: argparse.Namespace) -> Sum:
    """Record and cut on one file system until there was enough of it."""
    total = Sum(file_system=name)
    rng = random.Random(arguments.seed)
    end = time.monotonic() + arguments.minutes * 60
    while not total.broken and (total.cuts < arguments.cuts or time.monotonic() < end):
        place = Path(tempfile.mkdtemp(dir=folder))
        with record(name, place, objects) as recording:
            total.recordings += 1
            platter = Platter(recording.blank, recording.tape)
            for at in _moments(recording, arguments.per_recording, rng):
                platter.cut(at, rng, place / "cut")
                _look(
                    recording, place / "cut", at, total, starts=(total.cuts + 1) % arguments.start_every == 0
                )
        shutil.rmtree(place)
    return total


def _moments(recording: Recording, number: int, rng: random.Random) -> Iterator[int]:
    """When to cut: at any record of the tape since the first object was acknowledged, in their order."""
    first = min(recording.acknowledged.values())
    ends = [end for end, _ in recording.tape.records(0, recording.ends_at) if end >= first]
    yield from sorted(rng.choices(ends, k=number))


def _look(recording: Recording, image: Path, at: int, total: Sum, *, starts: bool) -> None:
    """Mount what is left, and either look at it or start the router on it."""
    with mounted(image, recording.mount_point):
        if starts:
            revival = revive(recording, at)
            broken = revival.broken
            total.starts += 1
            total.sent_twice += revival.twice
        else:
            findings = examine(recording, at)
            broken = findings.broken
            total.found_without_a_row += findings.found
            total.half_set_aside += findings.half
    total.cuts += 1
    total.acknowledged += len(recording.due(at))
    total.broken += [f"{total.file_system}, cut {total.cuts}: {text}" for text in broken]


def _table(sums: Sequence[Sum]) -> str:
    names = [field.name for field in attrs.fields(Sum) if field.name != "broken"]
    rows = [[name.replace("_", " ") for name in names] + ["broken promises"]]
    rows += [[str(getattr(one, name)) for name in names] + [str(len(one.broken))] for one in sums]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines + [text for one in sums for text in one.broken[:_COMPLAINTS_SHOWN]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
