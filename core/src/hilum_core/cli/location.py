"""Which config and which state directory a command is about."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from hilum_core.cli.failures import ConfigFaults
from hilum_core.config import Reception, load_reception, report
from hilum_sdk.config import ConfigProblems

VARIABLE = "HILUM_CONFIG"
PLACES = (Path("hilum.toml"), Path("/etc/hilum/hilum.toml"))

Command = Callable[..., Any]


def config_option(command: Command) -> Command:
    """Add ``--config FILE``; the command gets ``config_path``, None where it is not given."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"The config. Default: ${VARIABLE}, {PLACES[0]}, {PLACES[1]}.",
    )(command)


def find_config(given: Path | None) -> Path:
    """Find the config: the one given, or the first that exists of the usual places."""
    named = given or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if named is not None:
        return named
    for place in PLACES:
        if place.is_file():
            return place
    places = " or ".join(str(place) for place in PLACES)
    raise ConfigFaults(f"hilum: there is no config at {places}; name one by --config FILE or ${VARIABLE}")


def read_config(path: Path) -> str:
    """Read the text of a config."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigFaults(f"{path}: is not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise ConfigFaults(f"{path}: cannot be read: {error.strerror}") from error


def read_reception(given: Path | None) -> Reception:
    """Read `[router]` and `[peers]` of a config: what commands need, whatever the other tables hold."""
    path = find_config(given)
    try:
        return load_reception(read_config(path), source=str(path))
    except ConfigProblems as error:
        raise ConfigFaults(report(error.problems, str(path))) from error
