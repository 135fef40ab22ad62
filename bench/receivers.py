"""Who takes part in *receive*: each listens, and each keeps what it gets in files."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

from bench.processes import DCMTK_ENVIRONMENT, Server, free_port, python_module, start
from bench.raw_sender import Bare, Dialect, Dicom


class Receiver(ABC):
    """One contestant. Made cheaply; `start` may take its time."""

    name: str
    words: str
    is_durable = False
    dialect: Dialect = Dicom("BENCHED")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.pid = 0

    @staticmethod
    def missing() -> str:
        """The program that is not installed, if one is missing."""
        return ""

    @abstractmethod
    def start(self) -> None:
        """Start, and return when it listens."""

    @abstractmethod
    def end(self) -> None:
        """End."""

    def settle(self) -> None:  # noqa: B027 - most have nothing more to do after their answer
        """Return when what was acknowledged can be looked at."""

    def files(self) -> Iterator[Path]:
        """All files that it keeps now."""
        return (path for path in self.folder.rglob("*") if path.is_file())

    def clear(self) -> None:
        """Forget what has arrived."""
        for path in self.files():
            path.unlink()


class ServerReceiver(Receiver):
    """A contestant that is one program writing into a folder."""

    _server: Server | None = None

    def end(self) -> None:
        """End the program."""
        if self._server is not None:
            self._server.end()

    def _started(self, server: Server) -> Server:
        self._server = server
        self.pid = server.pid
        return server

    def _log(self) -> Path:
        return self.folder.with_suffix(".log")


class Floor(ServerReceiver):
    """See `bench.floor`."""

    name = "floor"
    words = "the floor"
    is_durable = True
    dialect = Bare()

    def start(self) -> None:
        """Start it."""
        command = python_module("bench.floor", str(self.folder))
        self.port = self._started(start(command, self._log())).read_port()


class Pynetdicom(ServerReceiver):
    """See `bench.pynetdicom_scp`."""

    name = "pynetdicom"
    words = "pynetdicom AE"

    def start(self) -> None:
        """Start it."""
        command = python_module("bench.pynetdicom_scp", str(self.folder))
        self.port = self._started(start(command, self._log())).read_port()


class Storescp(ServerReceiver):
    """DCMTK's storescp as it comes, with a process for each association: without, it takes one at a time."""

    name = "storescp"
    words = "DCMTK storescp"
    _options: tuple[str, ...] = ()

    @staticmethod
    def missing() -> str:
        """DCMTK."""
        return "" if shutil.which("storescp") else "storescp (DCMTK)"

    def start(self) -> None:
        """Start it."""
        self.port = free_port()
        command = ["storescp", "--fork", *self._options, "-od", str(self.folder), str(self.port)]
        server = self._started(start(command, self._log(), environment=DCMTK_ENVIRONMENT))
        server.wait_for_port(self.port)


class StorescpBitPreserving(Storescp):
    """The same, writing the bytes as they come."""

    name = "storescp+B"
    words = "DCMTK storescp +B"
    _options = ("+B",)
