"""`python -m bench`: race, then print medians."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

from bench import goals, growing, memory
from bench.contestants.hilum import HILUM
from bench.contestants.routers import PASS_ON, routers
from bench.contestants.senders import SENDERS
from bench.contests import associate, fan_out, header, nagle, receive, route, scale, send, siege
from bench.contests import large as large_object
from bench.machine import look
from bench.measure import Run, summarise
from bench.objects import CT, SMALL
from bench.plan import Plan
from bench.table import as_json, print_tables

Compete = Callable[[Path, Plan], Iterator[Run]]


CONTESTS: dict[str, Compete] = {
    receive.CONTEST: receive.compete,
    nagle.CONTEST: nagle.compete,
    associate.CONTEST: associate.compete,
    send.CONTEST: send.compete,
    route.CONTEST: route.compete,
    fan_out.CONTEST: fan_out.compete,
    siege.CONTEST: siege.compete,
    scale.CONTEST: scale.compete,
    large_object.CONTEST: large_object.compete,
    header.CONTEST: header.compete,
    growing.CONTEST: growing.compete,
}
CONTESTANTS = dict.fromkeys(
    [
        *(one.name for one in receive.contestants()),
        *(one.name for one in SENDERS),
        *(one.name for one in routers(PASS_ON, 0)),
        *(one.name for one in header.WAYS),
    ]
)


@click.command()
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([*CONTESTS, *CONTESTANTS]),
    help="Only this contest, or this contestant; may be repeated.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--ct", type=click.IntRange(min=4), default=400, show_default=True, help="CT objects a run.")
@click.option(
    "--small", type=click.IntRange(min=4), default=1000, show_default=True, help="Small objects a run."
)
@click.option(
    "--large",
    type=click.IntRange(min=1, max=2000),
    default=1024,
    show_default=True,
    help="The size of the one large object in MiB.",
)
@click.option(
    "--most-rows",
    type=click.IntRange(min=min(growing.ROWS)),
    default=max(growing.ROWS),
    show_default=True,
    help="How many rows the queue has at most, where growth is measured.",
)
@click.option(
    "--scale",
    "most_objects",
    type=click.IntRange(min=scale.STRETCHES),
    default=4000,
    show_default=True,
    help="Objects of one study, and of as many studies, where that is measured.",
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures there, too.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default="/var/tmp",
    show_default=True,
    help="Work below this folder: the disk that holds it is measured.",
)
@click.option(
    "--warm-memory/--no-warm-memory",
    default=True,
    show_default=True,
    help="Touch free memory before the first round, so that nobody waits for a virtual machine to get it.",
)
def main(
    *,
    only: tuple[str, ...],
    rounds: int,
    ct: int,
    small: int,
    large: int,
    most_rows: int,
    most_objects: int,
    json_path: Path | None,
    folder: Path,
    warm_memory: bool,
) -> None:
    """Race Hilum against DCMTK, Orthanc, pynetdicom and the floor; everything on the loopback address.

    Exit status 1 if a contest failed, or an object is missing or differs where bytes are to be kept.
    """
    progress = Console(stderr=True, highlight=False, soft_wrap=True)
    plan = Plan(
        contestants=frozenset(only) & frozenset(CONTESTANTS),
        rounds=rounds,
        counts={CT: ct, SMALL: small},
        large_mib=large,
        most_rows=most_rows,
        most_objects=most_objects,
        tell=progress.print,
    )
    machine = look(folder)
    if find_spec("numpy") is not None:
        progress.print("numpy is installed: pydicom loads it, and every process of Hilum is larger for it")
    if warm_memory:
        _warm_memory(progress)
    raced = list(_race(plan, [name for name in CONTESTS if name in only], folder, progress))
    runs = [run for run in raced if run is not None]
    summaries = summarise(runs, baseline=HILUM)
    outcomes = goals.judge(summaries)
    print_tables(_console(), machine, summaries, outcomes)
    if json_path is not None:
        json_path.write_text(as_json(machine, summaries, outcomes) + "\n", encoding="utf-8")
    sys.exit(not all(run is not None and run.arrived.is_whole for run in raced))


def _warm_memory(progress: Console) -> None:
    started = time.perf_counter()
    mib = memory.warm_memory()
    progress.print(f"touched {mib:,} MiB of free memory in {time.perf_counter() - started:.1f} s")


def _race(plan: Plan, asked: list[str], folder: Path, progress: Console) -> Iterator[Run | None]:
    """Run one contest after the other; None stands for one that failed, which costs the others nothing."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hilum-bench-", dir=folder) as work:
        for name in asked or CONTESTS:
            place = Path(work, name)
            place.mkdir()
            try:
                for run in CONTESTS[name](place, plan):
                    yield run
                    progress.print(_line(run, time.monotonic() - started))
            except Exception:  # noqa: BLE001 - whatever it is, it is shown
                progress.print_exception()
                yield None


def _line(run: Run, since_s: float) -> str:
    case = run.case
    what = f"{case.contest:9} {case.kind:32} {case.associations} at a time"
    whole = "" if run.arrived.is_whole else f"  NOT WHOLE: {run.arrived.exact} of {run.arrived.expected}"
    return f"{since_s:5.0f} s  {what}  {run.words:24} {run.rate:9,.1f}/s{whole}"


def _console() -> Console:
    """Print tables whole into a file or a pipe."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=140)


if __name__ == "__main__":
    main(prog_name="python -m bench")
