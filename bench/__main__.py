"""`python -m bench`: race, then print medians."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import click
from rich.console import Console

from bench import receiving, routing, sending
from bench.hilum_receiver import HILUM, Hilum
from bench.machine import look
from bench.measure import Run, summarise
from bench.objects import CT, SMALL, Kind
from bench.receivers import Floor, Pynetdicom, Receiver, Storescp, StorescpBitPreserving
from bench.senders import SENDERS
from bench.table import as_json, print_tables

RECEIVERS: tuple[type[Receiver], ...] = (Floor, Hilum, StorescpBitPreserving, Storescp, Pynetdicom)
CONTESTS = (receiving.CONTEST, sending.CONTEST, routing.CONTEST)
_NAMES = (*CONTESTS, *dict.fromkeys([*(cls.name for cls in RECEIVERS), *(one.name for one in SENDERS)]))


@attrs.frozen(kw_only=True)
class Plan:
    """What to race, and how often."""

    contests: frozenset[str]
    contestants: frozenset[str]
    rounds: int
    counts: dict[Kind, int]


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(_NAMES),
    help="Only this contest, or this contestant; may be repeated.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--ct", type=click.IntRange(min=4), default=100, show_default=True, help="CT objects a run.")
@click.option(
    "--small", type=click.IntRange(min=4), default=500, show_default=True, help="Small objects a run."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures there, too.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default="/var/tmp",
    show_default=True,
    help="Work below this folder: the disk that holds it is measured.",
)
def main(
    *, only: tuple[str, ...], rounds: int, ct: int, small: int, json_path: Path | None, folder: Path
) -> None:
    """Race Hilum against DCMTK, pynetdicom and the floor; everything on the loopback address.

    Exit status 1 if an object is missing or differs where bytes are to be kept.
    """
    contests = frozenset(only) & frozenset(CONTESTS) or frozenset(CONTESTS)
    contestants = frozenset(only) - frozenset(CONTESTS) or frozenset(_NAMES)
    plan = Plan(contests=contests, contestants=contestants, rounds=rounds, counts={CT: ct, SMALL: small})
    machine = look(folder)
    runs = []
    progress = Console(stderr=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="hilum-bench-", dir=folder) as work:
        for run in _race(plan, Path(work), progress):
            runs.append(run)
            progress.print(_line(run))
    summaries = summarise(runs, baseline=HILUM)
    print_tables(_console(), machine, summaries)
    if json_path is not None:
        json_path.write_text(as_json(machine, summaries) + "\n", encoding="utf-8")
    sys.exit(not all(run.arrived.is_whole for run in runs))


def _console() -> Console:
    """Print tables whole into a file or a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def _line(run: Run) -> str:
    case = run.case
    return f"{case.contest:8} {case.kind:12} {case.associations} at a time  {run.words:22} {run.rate:9,.0f}/s"


def _race(plan: Plan, work: Path, progress: Console) -> Iterator[Run]:
    places = {contest: work / contest for contest in CONTESTS}
    for place in places.values():
        place.mkdir()
    if receiving.CONTEST in plan.contests:
        receivers = [cls for cls in RECEIVERS if _takes_part(plan, cls.name, cls.missing(), progress)]
        yield from receiving.compete(
            receivers, places[receiving.CONTEST], rounds=plan.rounds, counts=plan.counts
        )
    if sending.CONTEST in plan.contests and _takes_part(plan, "", Storescp.missing(), progress):
        senders = [one for one in SENDERS if _takes_part(plan, one.name, one.missing(), progress)]
        yield from sending.compete(senders, places[sending.CONTEST], rounds=plan.rounds, counts=plan.counts)
    if routing.CONTEST in plan.contests and _takes_part(plan, HILUM, Storescp.missing(), progress):
        yield from routing.compete(places[routing.CONTEST], rounds=plan.rounds, counts=plan.counts)


def _takes_part(plan: Plan, name: str, missing: str, progress: Console) -> bool:
    """Whether it was asked for and can be run; says what is missing."""
    if name and name not in plan.contestants:
        return False
    if missing:
        progress.print(f"left out: {name or 'send'} needs {missing}")
    return not missing


main(prog_name="python -m bench")
