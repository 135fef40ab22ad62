"""Where objects go: what lies there is compared with what was sent, and cleared away when it is exact."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.processes import DCMTK_ENVIRONMENT
from pydicom.errors import InvalidDicomError

from hilum_core.testing import SentFile
from soak.objects import Sendable, digest


class Shelf:
    """The folder of one destination, which holds a file for each SOP Instance UID.

    Parameters
    ----------
    wanted
        The digest of the data set that an object shall have here.

    Attributes
    ----------
    arrived
        The objects of which an exact copy has lain here.
    copies
        How many exact copies have lain here: more than objects where some came twice.
    odd
        The files that were not exact when we last looked: half written, or wrong.
    """

    def __init__(self, folder: Path, wanted: Callable[[Sendable], bytes]) -> None:
        self.folder = folder
        self.arrived: set[str] = set()
        self.copies = 0
        self.odd: set[str] = set()
        self._wanted = wanted
        folder.mkdir(parents=True)

    def look(self, sent: Mapping[str, Sendable]) -> None:
        """Compare what lies here, and clear away what is exact; what is not may be so later."""
        odd = set()
        for path in self.folder.iterdir():
            uid = _uid(path.name)
            if uid and uid in sent and _digest(path) == self._wanted(sent[uid]):
                path.unlink(missing_ok=True)
                self.arrived.add(uid)
                self.copies += 1
            elif path.is_file():
                odd.add(path.name)
        self.odd = odd


class StoreScp:
    """DCMTK's storescp, which keeps data sets bit by bit; it may be ended and started again."""

    def __init__(self, port: int, folder: Path) -> None:
        self._command = ["storescp", "-q", "+B", "-od", str(folder), str(port)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def start(self) -> None:
        """Start it; returns before it listens."""
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **DCMTK_ENVIRONMENT},
            )

    def stop(self) -> None:
        """End it at once, whatever it is at."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _uid(name: str) -> str:
    """The SOP Instance UID in ``UID.dcm`` or, as storescp has it, ``CT.UID``; empty where there is none."""
    if name.endswith(".dcm"):
        return name.removesuffix(".dcm")
    return name.partition(".")[2]


def _digest(path: Path) -> bytes:
    try:
        return digest(SentFile.read(path).data_set)
    except (OSError, InvalidDicomError, AttributeError, EOFError, ValueError):
        return b""  # half written, or gone again
