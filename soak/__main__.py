"""`python -m soak`: a router under load whose processes die; exit status 1 if anything was lost."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import click

from soak.run import Soak

_PROGRAMS = ("storescu", "dcmsend", "storescp")


@click.command()
@click.option("--minutes", type=click.FloatRange(min=0), default=20, show_default=True, help="Under load.")
@click.option("--seed", type=int, help="Chooses objects and faults; printed if not given.")
@click.option("--modalities", type=click.IntRange(min=1), default=4, show_default=True)
@click.option(
    "--pace", type=click.FloatRange(min=0.1), default=3, show_default=True, help="Seconds per fault."
)
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=15,
    show_default=True,
    help="How many minutes to wait at the end until all is quiet.",
)
@click.option(
    "--json", "json_path", type=click.Path(dir_okay=False, path_type=Path), help="A file for figures."
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where to work; a disk, as the router is for disks.",
)
def main(
    *,
    minutes: float,
    seed: int | None,
    modalities: int,
    pace: float,
    patience: float,
    json_path: Path | None,
    folder: Path | None,
) -> None:
    """Kill processes of a router under load, and see that what was acknowledged is at every destination."""
    if missing := [program for program in _PROGRAMS if shutil.which(program) is None]:
        raise click.ClickException(f"needs {', '.join(missing)} of DCMTK")
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    place = Path(tempfile.mkdtemp(prefix="hilum-soak-", dir=folder))
    click.echo(f"seed {seed}, in {place}", err=True)
    started = time.monotonic()
    soak = Soak(
        place,
        seed=seed,
        modalities=modalities,
        pace_s=pace,
        patience_s=patience * 60,
        tell=lambda what: click.echo(f"{time.monotonic() - started:7.1f} s  {what}", err=True),
    )
    report = soak.run(minutes * 60)
    click.echo("\n".join(report.lines()))
    if json_path is not None:
        json_path.write_text(report.as_json() + "\n", encoding="utf-8")
    if not report.is_whole:
        click.echo(f"all that is left is in {place}", err=True)
        sys.exit(1)
    shutil.rmtree(place)


if __name__ == "__main__":
    main(prog_name="python -m soak")
