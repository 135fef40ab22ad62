"""Who takes part in *send*: programs that find the DICOM files of a folder and send them."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs

from bench.contestants.hilum import HILUM
from bench.processes import DCMTK_ENVIRONMENT, python_module
from bench.raw_sender import CALLING_AE

CALLED_AE = "IGNORES"
_OFTEN = 5


@attrs.frozen(kw_only=True)
class Sender:
    """One contestant. ``program`` is what must be installed."""

    name: str
    words: str
    arguments: tuple[str, ...]
    """With ``{port}`` in its place; the folder comes behind them."""
    times_itself: bool
    """Whether it prints what it took (`bench.stopwatch.Used`)."""
    times: int = 1
    """How often it is given the folder: the fast ones more often, so that there is something to measure."""
    environment: dict[str, str] = attrs.field(factory=dict, eq=False)
    program: str = ""

    def command(self, port: int, folder: Path) -> list[str]:
        """The command that sends a folder."""
        arguments = [argument.format(port=port) for argument in self.arguments]
        return [*arguments, *[str(folder)] * self.times]

    def missing(self) -> str:
        """The program that is not installed, if it is missing."""
        return self.program if self.program and shutil.which(self.program) is None else ""


def dcmsend(
    *, called_ae: str = CALLED_AE, times: int = _OFTEN, environment: dict[str, str] = DCMTK_ENVIRONMENT
) -> Sender:
    """DCMTK's dcmsend, by default with Nagle's algorithm off."""
    return Sender(
        name="dcmsend",
        words="DCMTK dcmsend",
        arguments=("dcmsend", "-aec", called_ae, "-aet", CALLING_AE, "+sd", "127.0.0.1", "{port}"),
        times_itself=False,
        times=times,
        environment=environment,
        program="dcmsend",
    )


HILUM_SEND = Sender(
    name=HILUM,
    words="hilum send",
    arguments=tuple(python_module("bench.programs.hilum_scu", "{port}")),
    times_itself=True,
    times=_OFTEN,
)
DCMSEND = dcmsend()
STORESCU = Sender(
    name="storescu",
    words="DCMTK storescu",
    arguments=("storescu", "-aec", CALLED_AE, "+sd", "127.0.0.1", "{port}"),
    times_itself=False,
    times=_OFTEN,
    environment=DCMTK_ENVIRONMENT,
    program="storescu",
)
PYNETDICOM_STORESCU = Sender(
    name="pynetdicom",
    words="pynetdicom storescu",
    arguments=tuple(python_module("bench.programs.pynetdicom_scu", "{port}")),
    times_itself=True,
)
SENDERS = (HILUM_SEND, DCMSEND, STORESCU, PYNETDICOM_STORESCU)
