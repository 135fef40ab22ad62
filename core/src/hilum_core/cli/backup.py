"""`hilum backup` and `hilum restore`."""

from __future__ import annotations

from pathlib import Path

import click

from hilum_core.backup.restore import restore as put_back
from hilum_core.backup.take import CONFIG_FILE, take_backup
from hilum_core.cli.failures import ConfigFaults
from hilum_core.cli.figures import count_words
from hilum_core.cli.location import find_config, read_reception
from hilum_core.cli.queue_access import queue_options

folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))


@click.command()
@folder_argument
@queue_options
def backup(*, folder: Path, config_path: Path | None, state_dir: Path | None) -> None:
    """Back up config and queue into DIR, a new or empty folder; the router may run.

    Objects are not in it: their files are kept by a mirrored disk. Nor are secrets, certificates and keys;
    the backup names those that the config refers to.
    """
    config_path = _config(config_path, needed=state_dir is None)
    if state_dir is None:
        state_dir = read_reception(config_path).router.state_dir
    made = take_backup(state_dir, config_path, folder)
    click.echo(f"{folder}: the queue, {count_words(len(made.files) - 1, 'config')}")
    for reference in made.references:
        click.echo(f"  not in it, keep it elsewhere: {reference}")


@click.command()
@folder_argument
@queue_options
@click.option("--replace", is_flag=True, help="Also where a router has worked: its queue is moved aside.")
def restore(*, folder: Path, config_path: Path | None, state_dir: Path | None, replace: bool) -> None:
    """Put the queue of a backup in DIR in place; the router must not run.

    What the queue had still to send is held, because it may have been sent since. Objects that are in the
    state directory stay; what the queue does not know of them is held when the router starts.
    """
    if state_dir is None:
        state_dir = read_reception(config_path).router.state_dir
    done = put_back(folder, state_dir, replace=replace)
    objects = count_words(done.held.objects, "object")
    deliveries = count_words(done.held.deliveries, "delivery", "deliveries")
    click.echo(
        f"{state_dir}: has the queue of {done.manifest.made:%Y-%m-%d %H:%M}Z; held: {objects}, {deliveries}"
    )
    if done.aside is not None:
        click.echo(f"  what was there before lies in {done.aside}")
    if (folder / CONFIG_FILE).is_file():
        click.echo(f"  the config of that time is {folder / CONFIG_FILE}")
    for reference in done.manifest.references:
        click.echo(f"  it refers to: {reference}")
    click.echo("next: start the router, then `hilum queue held`")


def _config(given: Path | None, *, needed: bool) -> Path | None:
    """The config to keep a copy of; where a state directory was named, it may be missing."""
    try:
        return find_config(given)
    except ConfigFaults:
        if needed:
            raise
        return None
