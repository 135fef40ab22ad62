"""Who listens and keeps what it gets in files: the floor, DCMTK, pynetdicom."""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.arrivals import files_below
from bench.processes import DCMTK_ENVIRONMENT, Server, free_port, python_module, start
from bench.raw_sender import Bare, Dialect, Dicom
from bench.wire import PDU_BYTES

CALLED_AE = "BENCHED"


class Receiver(ABC):
    """One contestant. Made cheaply; `start` may take its time.

    Attributes
    ----------
    share
        What part of the objects it gets, so that the slow ones do not take all the time there is.
    """

    name: str
    words: str
    is_durable: bool = False
    called_ae: str = CALLED_AE
    share: float = 1.0

    def __init__(self) -> None:
        self.folder = Path()
        self.port = 0
        self.pid = 0

    @property
    def dialect(self) -> Dialect:
        """How it is spoken to."""
        return Dicom(self.called_ae)

    def missing(self) -> str:
        """The program that is not installed, if one is missing."""
        return ""

    @abstractmethod
    def start(self, folder: Path) -> None:
        """Start with a new folder of its own, and return when it listens."""

    @abstractmethod
    def end(self) -> None:
        """End; safe if it was not started."""

    def settle(self) -> None:  # noqa: B027 - most have nothing more to do after their answer
        """Return when what was acknowledged can be looked at."""

    def files(self) -> Iterator[Path]:
        """All files that it keeps now."""
        return files_below(self.folder)

    def clear(self) -> None:
        """Forget what has arrived: empty the files, and leave their names.

        ext4 uses no inode again for some minutes, and passes over each lately removed one at every new
        file: removing would slow down whoever comes next, by up to 0.3 ms an object.
        """
        for path in self.files():
            os.truncate(path, 0)

    def remove(self) -> None:
        """Remove what has arrived: where the number of names matters more."""
        for path in self.files():
            path.unlink()


class ServerReceiver(Receiver):
    """A contestant that is one program writing into a folder."""

    _server: Server | None = None

    def start(self, folder: Path) -> None:
        """Start the program."""
        self.folder = folder
        folder.mkdir(parents=True)
        self._server = self._start()
        self.pid = self._server.pid

    @abstractmethod
    def _start(self) -> Server:
        """Start the program, and set `port`."""

    def end(self) -> None:
        """End the program."""
        if self._server is not None:
            self._server.end()

    def _log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")


class Floor(ServerReceiver):
    """See `bench.programs.floor`."""

    name = "floor"
    words = "the floor"
    is_durable = True

    @property
    def dialect(self) -> Dialect:
        """No DICOM."""
        return Bare()

    def _start(self) -> Server:
        server = start(python_module("bench.programs.floor", str(self.folder)), self._log())
        self.port = server.read_port()
        return server


class Pynetdicom(ServerReceiver):
    """See `bench.programs.pynetdicom_scp`."""

    name = "pynetdicom"
    words = "pynetdicom AE"
    share = 0.5

    def __init__(self, *, wait_s: float = 0.0) -> None:
        super().__init__()
        self._wait_s = wait_s

    def _start(self) -> Server:
        command = python_module("bench.programs.pynetdicom_scp", str(self.folder), str(self._wait_s))
        server = start(command, self._log())
        self.port = server.read_port()
        return server


class Storescp(ServerReceiver):
    """DCMTK's storescp: as it comes it takes one association at a time and decodes what it gets.

    Parameters
    ----------
    options
        ``+B`` writes the bytes as they come; ``--fork`` makes a process for each association.
    environment
        By default Nagle's algorithm is off.
    """

    def __init__(self, *options: str, environment: Mapping[str, str] = DCMTK_ENVIRONMENT) -> None:
        super().__init__()
        self.name = "".join(("storescp", *options))
        self.words = " ".join(("DCMTK storescp", *options))
        self._options = options
        self._environment = environment

    def missing(self) -> str:
        """DCMTK."""
        return "" if shutil.which("storescp") else "storescp (DCMTK)"

    def _start(self) -> Server:
        self.port = free_port()
        options = [*self._options, "--max-pdu", str(PDU_BYTES), "-od", str(self.folder)]
        command = ["storescp", *options, str(self.port)]
        server = start(command, self._log(), environment=self._environment)
        server.wait_for_port(self.port)
        return server
