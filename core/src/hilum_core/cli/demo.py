"""`hilum demo`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from hilum_core.cli.failures import CommandError


@click.command()
@click.option(
    "--state",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep config, log and what arrives in this new or empty folder. Default: a temporary one.",
)
@click.option("--keep", is_flag=True, help="Leave the router running at the end, and say how to send to it.")
def demo(*, folder: Path | None, keep: bool) -> None:
    """Watch real objects travel through a router.

    Sends the objects that pydicom ships from a modality (pynetdicom) through a router to an archive
    (pynetdicom) and two folders, compares the bytes that arrive with the bytes that were sent, and
    ends with status 1 if anything is missing or differs. All on the loopback address.
    """
    from hilum_core.cli.console import out  # noqa: PLC0415 - heavy, as the next ones
    from hilum_core.demo.play import play  # noqa: PLC0415
    from hilum_core.log import quiet_libraries  # noqa: PLC0415

    if folder is not None:
        _make_empty(folder)
    quiet_libraries()
    # The router is a process of its own: a plain SIGTERM must not leave it behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(play(out(piped_width=80), folder=folder, keep=keep))


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"--state {folder}: cannot be made: {error.strerror}") from error
    if any(folder.iterdir()):
        raise CommandError(f"--state {folder}: is not empty; name a new folder")
