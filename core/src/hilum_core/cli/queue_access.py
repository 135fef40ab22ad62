"""How commands reach the queue of a router: through its state directory, beside the running router."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click

from hilum_core import revisions
from hilum_core.cli.failures import CommandError
from hilum_core.cli.location import config_option, read_reception
from hilum_core.clock import Clock, SystemClock
from hilum_core.config import examine
from hilum_core.queue import QUEUE_FILE, QueueStore, SqliteQueue

_TOOL = 0
"""The incarnation of commands: they lease nothing."""


@attrs.frozen(kw_only=True)
class Access:
    """The queue of one router, open."""

    state_dir: Path
    store: QueueStore
    clock: Clock

    def configured_sinks(self) -> Collection[str] | None:
        """The sinks of the newest config that the router accepted; None where it accepted none yet."""
        revision = revisions.latest(self.state_dir)
        if not revision:
            return None
        document = examine(revisions.read(self.state_dir, revision), source=f"revision {revision}").document
        return frozenset(document.get("sinks", {}))


def queue_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--config`` and ``--state-dir``; the command gets ``config_path`` and ``state_dir``."""
    option = click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="The router's state directory, instead of a config that names it.",
    )
    return option(config_option(command))


@contextmanager
def open_queue(config_path: Path | None, state_dir: Path | None) -> Iterator[Access]:
    """Open the queue of the router that the options of a command name."""
    if state_dir is None:
        state_dir = read_reception(config_path).router.state_dir
    path = state_dir / QUEUE_FILE
    try:
        exists = path.is_file()
    except PermissionError as error:
        raise CommandError(f"{state_dir}: not allowed; act as the user of the router") from error
    if not exists:
        raise CommandError(f"{state_dir}: no router has worked here yet (it has no {QUEUE_FILE})")
    clock = SystemClock()
    store = SqliteQueue.open(path, incarnation=_TOOL, clock=clock)
    try:
        yield Access(state_dir=state_dir, store=store, clock=clock)
    finally:
        store.close()
