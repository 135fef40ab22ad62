"""`python -m fuzz`: every target for some minutes; exit status 1 if anything was found."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import attrs
import click

from fuzz.targets import TARGETS

_MOST_MIB: Final = 1024
_MOST_SECONDS: Final = 20
"""For one input, on a machine that does other things too."""

_GRACE_S: Final = 120


@attrs.frozen(kw_only=True)
class Outcome:
    """How one target fared. ``finding`` is the file that was found, or what else went wrong."""

    name: str
    executions: int
    finding: str


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0.01), default=5, show_default=True, help="Per target.")
@click.option("--target", "names", multiple=True, type=click.Choice(list(TARGETS)), help="These only.")
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, help="Targets at a time.")
@click.option(
    "--crashers",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("fuzz-crashers"),
    show_default=True,
    help="Where inputs go that were found, and the output of their target.",
)
def main(*, minutes: float, names: Sequence[str], jobs: int, crashers: Path) -> None:
    """Feed every surface with bytes that are no DICOM, and tell what it could not bear."""
    crashers.mkdir(parents=True, exist_ok=True)
    run = functools.partial(_run, seconds=max(int(minutes * 60), 1), crashers=crashers.resolve())
    with ThreadPoolExecutor(jobs) as pool:
        outcomes = list(pool.map(run, names or TARGETS))
    print(f"{'target':<12} {'executions':>12}  finding")
    for outcome in outcomes:
        print(f"{outcome.name:<12} {outcome.executions:>12,}  {outcome.finding or 'none'}")
    for outcome in outcomes:
        if outcome.finding:
            print(f"again: .venv/bin/python -m fuzz.one {outcome.name} {outcome.finding}")
    sys.exit(any(outcome.finding for outcome in outcomes))


def _run(name: str, *, seconds: int, crashers: Path) -> Outcome:
    """Fuzz one target until its time is up, or until the first finding."""
    artifacts, log = crashers / name, crashers / f"{name}.log"
    artifacts.mkdir(exist_ok=True)
    before = set(artifacts.iterdir())
    with tempfile.TemporaryDirectory(prefix="hilum-fuzz-") as corpus, log.open("wb") as output:
        for number, seed in enumerate(TARGETS[name].seeds()):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}",
            f"-timeout={_MOST_SECONDS}",
            f"-rss_limit_mb={_MOST_MIB}",
            f"-artifact_prefix={artifacts}/",
            "-print_final_stats=1",
            corpus,
        ]
        command = [sys.executable, "-m", "fuzz.one", name, *options]
        try:
            ended = subprocess.run(
                command, stdout=output, stderr=output, timeout=seconds + _GRACE_S, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            ended = None
    found = sorted(set(artifacts.iterdir()) - before)
    finding = str(found[0]) if found else "" if ended == 0 else f"{log}: it ended with {ended}"
    return Outcome(name=name, executions=_executions(log), finding=finding)


def _executions(log: Path) -> int:
    """How many inputs were tried, by the last line that says so."""
    told = re.findall(r"(?m)^#(\d+)\b|number_of_executed_units: (\d+)", log.read_text(errors="replace"))
    return max((int(either or other) for either, other in told), default=0)


if __name__ == "__main__":
    main(prog_name="python -m fuzz")
