"""Who takes part in *send*: commands as people run them, each sending the DICOM files of a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs

from bench.processes import DCMTK_ENVIRONMENT, python_module

CALLED_AE = "IGNORES"


@attrs.frozen(kw_only=True)
class Sender:
    """One contestant. ``program`` is what must be installed."""

    name: str
    words: str
    arguments: tuple[str, ...]
    """With ``{port}`` and ``{folder}`` in their places."""
    environment: dict[str, str] = attrs.field(factory=dict, eq=False)
    program: str = ""

    def command(self, port: int, folder: Path) -> list[str]:
        """The command that sends a folder."""
        return [argument.format(port=port, folder=folder) for argument in self.arguments]

    def missing(self) -> str:
        """The program that is not installed, if it is missing."""
        return self.program if self.program and shutil.which(self.program) is None else ""


HILUM_SEND = Sender(
    name="hilum",
    words="hilum send",
    arguments=tuple(python_module("hilum_core.cli", "send", f"{CALLED_AE}@127.0.0.1:{{port}}", "{folder}")),
)
DCMSEND = Sender(
    name="dcmsend",
    words="DCMTK dcmsend",
    arguments=("dcmsend", "-aec", CALLED_AE, "+sd", "127.0.0.1", "{port}", "{folder}"),
    environment=DCMTK_ENVIRONMENT,
    program="dcmsend",
)
PYNETDICOM_STORESCU = Sender(
    name="pynetdicom",
    words="pynetdicom storescu",
    arguments=tuple(python_module("bench.pynetdicom_scu", "{port}", "{folder}")),
)
SENDERS = (HILUM_SEND, DCMSEND, PYNETDICOM_STORESCU)
