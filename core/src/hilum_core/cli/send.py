"""`hilum send`."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from hilum_core.cli.console import err
from hilum_core.cli.dicom_files import Found, find_dicom_files
from hilum_core.cli.failures import EX_FAILED, CommandError
from hilum_core.cli.figures import count_words, size_words
from hilum_core.cli.peer import Call, peer_arguments, resolve
from hilum_core.cli.sending import Outcome, send_files
from hilum_core.log import quiet_libraries


@click.command()
@peer_arguments
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True)
)
def send(*, peer: str, paths: tuple[Path, ...], config_path: Path | None, calling_ae: str | None) -> None:
    """Send DICOM files to a node, byte for byte as they are (C-STORE, PS3.4 Annex B).

    PEER is the name of a peer in the config, or AE@host:port. Of a folder, all DICOM files below it are
    sent; what else lies there is passed over. Files that were not stored are listed with the reason, and
    the status is 1.
    """
    quiet_libraries()
    call = resolve(peer, config_path=config_path, calling_ae=calling_ae)
    found = find_dicom_files(paths)
    if not found.files and not found.unsendable:
        raise CommandError(f"{', '.join(map(str, paths))}: there is no DICOM file")
    started = time.monotonic()
    outcomes = _send_with_progress(found, call)
    _report(found, outcomes, call, time.monotonic() - started)
    if found.unsendable or not all(outcome.is_stored for outcome in outcomes):
        sys.exit(EX_FAILED)


def _send_with_progress(found: Found, call: Call) -> list[Outcome]:
    outcomes: list[Outcome] = []
    console = err()
    with _progress(console) as progress:
        task = progress.add_task(str(call.node), total=sum(file.data_set_bytes for file in found.files))
        for outcome in send_files(found.files, call):
            outcomes.append(outcome)
            progress.advance(task, outcome.file.data_set_bytes)
    return outcomes


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _report(found: Found, outcomes: Sequence[Outcome], call: Call, took_s: float) -> None:
    """Say in one line how much was stored, then name each file that was not, or not without remark."""
    stored = [outcome for outcome in outcomes if outcome.is_stored]
    size = sum(outcome.file.data_set_bytes for outcome in stored)
    rate = f", {size_words(size)} in {took_s:.1f} s" if stored else ""
    whole = len(outcomes) + len(found.unsendable)
    over = f"; passed over {count_words(found.passed_over, 'other file')}" if found.passed_over else ""
    click.echo(f"{len(stored):,} of {count_words(whole, 'object')} stored by {call.node}{rate}{over}")
    for outcome in stored:
        if outcome.words:
            click.echo(f"  {outcome.file.path}: stored with a warning: {outcome.words}", err=True)
    for outcome in outcomes:
        if not outcome.is_stored:
            click.echo(f"  {outcome.file.path}: not stored: {outcome.words}", err=True)
    for one in found.unsendable:
        click.echo(f"  {one.path}: not sent: {one.reason}", err=True)
