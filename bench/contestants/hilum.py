"""Hilum in contests: a whole router, not a part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.arrivals import files_below
from bench.contestants.receivers import Receiver
from bench.raw_sender import CALLING_AE
from hilum_core.testing import RunningRouter, running_router

HILUM = "hilum"
PEER = f"""
[peers.bench]
ae_title = "{CALLING_AE}"
host     = "127.0.0.1"
may_send = true
"""


class Hilum(Receiver):
    """A whole router: reception, and the stages behind it, which find no route and are done with it.

    Parameters
    ----------
    config
        TOML below the table ``[router]``.
    settings
        Settings of ``[router]``.
    """

    name = HILUM
    words = "Hilum"
    is_durable = True
    called_ae = "HILUM"

    def __init__(self, config: str = "", **settings: str | int) -> None:
        super().__init__()
        self._config = PEER + config
        self._settings: dict[str, Any] = {"unmatched": "discard", **settings}
        self._stack = ExitStack()
        self._router: RunningRouter | None = None

    @property
    def router(self) -> RunningRouter:
        """The router, once started."""
        assert self._router is not None
        return self._router

    def start(self, folder: Path) -> None:
        """Start `hilum run`."""
        self.folder = folder
        folder.mkdir(parents=True)
        self._router = self._stack.enter_context(running_router(folder, self._config, **self._settings))
        assert self._router.process is not None
        self.port, self.pid = self._router.port, self._router.process.pid
        self.wait_until(self._has_its_workers)

    def _has_its_workers(self) -> bool:
        processes = self.router.processes()
        sinks = self._config.count("[sinks.")
        return "route.worker" in processes and len(processes.get("deliver.worker", ())) >= sinks

    def end(self) -> None:
        """Stop it."""
        self._stack.close()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Ask until it is so."""
        self.router.wait_until(condition, within_s=120)

    def settle(self) -> None:
        """Wait until it has nothing more to do, so that the next contestant has the machine for itself."""
        self.wait_until(self._is_idle)

    def _is_idle(self) -> bool:
        with self.router.queue() as queue:
            objects = queue.status().objects
        is_done = sum(objects.values()) == objects.get("settled", 0) + objects.get("purged", 0)
        # The file follows its row.
        return is_done and not any(files_below(self.router.state_dir / "spool"))

    def files(self) -> Iterator[Path]:
        """What it keeps of settled objects."""
        return files_below(self.router.state_dir / "settled")
