"""Whether a config could work on this machine now: disk, port, and every component's own word.

It changes nothing: no folder is made, no object is sent.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType

import attrs

from hilum_core.cli.component_context import CommandContext
from hilum_core.cli.figures import size_words
from hilum_core.config import Config, ListenAddress, RouterSettings
from hilum_core.filesystem import NETWORK, file_system
from hilum_core.incarnation import live_incarnations
from hilum_core.log import describe_exception
from hilum_core.registry import Composed, Composition
from hilum_core.supervisor.descriptors import shortage

PROBE_WITHIN_S = 20
_CLOSE_WITHIN = timedelta(seconds=5)


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that was looked at; ``fault`` is empty if it could work, ``note`` may say more."""

    where: str
    fault: str = ""
    note: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.fault or self.note or 'ok'}"


def look_around(config: Config, composition: Composition) -> Sequence[Finding]:
    """Look at the state directory and the port, then probe every component."""
    state_dir = config.router.state_dir
    running = state_dir.is_dir() and os.access(state_dir, os.R_OK | os.X_OK) and live_incarnations(state_dir)
    return [
        _state_dir(state_dir),
        *(
            Finding(where=where, note="ok, the router runs") if running else _listen(where, address)
            for where, address in _ports(config)
        ),
        *_descriptors(config.router),
        *(_probe(label, composed, config) for label, composed in composition.components.items()),
    ]


def _state_dir(state_dir: Path) -> Finding:
    where = "router.state_dir"
    there = next(path for path in (state_dir, *state_dir.absolute().parents) if path.exists())
    if not there.is_dir():
        return Finding(where=where, fault=f"{there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(where=where, fault=f"{there} cannot be written by this user")
    system = file_system(there)
    if system in NETWORK:
        return Finding(where=where, fault=f"{there} is on {system}; the queue needs a local disk")
    free = size_words(shutil.disk_usage(there).free)
    made = "" if there == state_dir.absolute() else ", will be made"
    return Finding(where=where, note=f"ok, {free} free on {system}{made}")


def _ports(config: Config) -> Iterator[tuple[str, ListenAddress]]:
    yield "router.listen", config.router.listen
    if config.router.listen_tls is not None:
        yield "router.listen_tls", config.router.listen_tls


def _descriptors(router: RouterSettings) -> list[Finding]:
    short = shortage(router)
    return [Finding(where="router.most_associations", fault=short)] if short else []


def _listen(where: str, address: ListenAddress) -> Finding:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            return Finding(where=where, fault=f"{address} cannot be used: {error.strerror}")
    return Finding(where=where)


def _probe(label: str, composed: Composed, config: Config) -> Finding:
    with tempfile.TemporaryDirectory(prefix="hilum-check-") as folder:
        context = CommandContext(label=label, data_dir=Path(folder), config=config)
        try:
            with _limit(PROBE_WITHIN_S):
                component = composed.create(context)
                try:
                    component.probe()
                finally:
                    component.close(_CLOSE_WITHIN)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is its finding
            return Finding(where=label, fault=describe_exception(error))
    return Finding(where=label)


@contextmanager
def _limit(seconds: int) -> Iterator[None]:
    """Cut off a plugin that hangs; commands have one thread, so a signal reaches it."""

    def too_long(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
