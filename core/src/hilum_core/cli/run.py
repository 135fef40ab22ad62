"""`hilum run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from hilum_core.cli.location import config_option, find_config


@click.command()
@config_option
@click.option("--strict", is_flag=True, help="End with 78 if anything in the config is at fault.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="One line a record, or one JSON object a line.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="debug logs every object.",
)
def run(
    *, config_path: Path | None, strict: bool, log_format: Literal["text", "json"], log_level: str
) -> None:
    """Run the router until SIGTERM or Ctrl-C; a second one stops it at once.

    Reception starts whenever [router] and [peers] are valid. What depends on a faulty part of the
    config waits, and `hilum queue status` names it; --strict refuses such a config.

    `hilum reload`, or SIGHUP, makes it read the config again, and keep the one it has if the new one has
    a fault.

    Exit status: 0 stopped as asked, 1 could not start, 78 faulty config.
    """
    from hilum_core import supervisor  # noqa: PLC0415 - brings the whole core

    path = find_config(config_path)
    sys.exit(supervisor.run(path, strict=strict, log_format=log_format, log_level=log_level))
