"""`hilum reload`."""

from __future__ import annotations

from pathlib import Path

import click

from hilum_core.cli.failures import CommandError, ConfigFaults
from hilum_core.cli.location import find_config, read_config
from hilum_core.cli.queue_access import queue_options
from hilum_core.config import load, report
from hilum_sdk.config import ConfigProblems


@click.command()
@queue_options
def reload(*, config_path: Path | None, state_dir: Path | None) -> None:
    """Have the running router take its config as it is now, if it has no fault at all.

    Waits until the router has checked it. What is on the way goes on; callers notice nothing.

    Exit status: 0 taken, or not changed; 78 refused, with every fault; 1 no router runs, or it could not.
    """
    from hilum_core.supervisor.requests import ask_for_reload  # noqa: PLC0415 - brings the whole core

    answer = ask_for_reload(state_dir or _state_dir(config_path))
    match answer.outcome:
        case "taken":
            click.echo(f"{answer.text}\ntaken as revision {answer.revision}")
        case "unchanged":
            click.echo(f"not changed: revision {answer.revision} stays")
        case "refused":
            raise ConfigFaults(f"{answer.text}\nrefused: revision {answer.revision} stays")
        case "failed":
            raise CommandError(f"{answer.text}; revision {answer.revision} stays")


def _state_dir(config_path: Path | None) -> Path:
    """Where the router of a config works; a config that cannot say so is refused here already."""
    path = find_config(config_path)
    try:
        config, _ = load(read_config(path), source=str(path))
    except ConfigProblems as error:
        raise ConfigFaults(
            f"{report(error.problems, str(path))}\nrefused: the running config stays"
        ) from error
    return config.router.state_dir
