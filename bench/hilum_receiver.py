"""Hilum in *receive*: a whole router, not a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.raw_sender import CALLING_AE, Dicom
from bench.receivers import Receiver
from hilum_core.testing import RunningRouter, running_router

HILUM = "hilum"
PEER = f"""
[peers.bench]
ae_title = "{CALLING_AE}"
host     = "127.0.0.1"
may_send = true
"""


class Hilum(Receiver):
    """A whole router: reception, and the stages behind it, which find no route and are done with it."""

    name = HILUM
    words = "Hilum"
    is_durable = True
    dialect = Dicom("HILUM")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._stack = ExitStack()
        self._router: RunningRouter | None = None

    @property
    def router(self) -> RunningRouter:
        """The router, once started."""
        assert self._router is not None
        return self._router

    def start(self) -> None:
        """Start `hilum run`."""
        self._router = self._stack.enter_context(running_router(self.folder, PEER, unmatched="discard"))
        assert self._router.process is not None
        self.port, self.pid = self._router.port, self._router.process.pid
        self._router.wait_until(lambda: "route.worker" in self.router.processes())

    def end(self) -> None:
        """Stop it."""
        self._stack.close()

    def settle(self) -> None:
        """Wait until it has nothing more to do, so that the next contestant has the machine for itself."""
        self.router.wait_until(self._is_idle)

    def _is_idle(self) -> bool:
        with self.router.queue() as queue:
            objects = queue.status().objects
        is_settled = sum(objects.values()) == objects.get("settled", 0)
        # The file follows its row.
        return is_settled and not any((self.router.state_dir / "spool").rglob("*.dcm"))

    def files(self) -> Iterator[Path]:
        """What it keeps of settled objects."""
        return (self.router.state_dir / "settled").rglob("*.dcm")

    def clear(self) -> None:
        """Leave everything where it is: only a router removes what a router keeps."""
