"""A modality that is not our code: DCMTK's storescu or dcmsend, called again for what has no answer."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal

from bench.processes import DCMTK_ENVIRONMENT

from soak.objects import Sendable

Program = Literal["storescu", "dcmsend"]

STORESCU = re.compile(r"^I: Sending file: (.+)$|^I: Received Store Response \((\w+)", re.MULTILINE)
DCMSEND = re.compile(r"^Filename\s*: (.+)$|^DIMSE Status\s*: 0x0000 \((\w+)", re.MULTILINE)
_WAITS_S = 0.1
_LIMIT_S = 120


class Modality:
    """Sends objects over one association at a time; what is acknowledged is never sent again.

    Attributes
    ----------
    sent_again
        How many objects were sent once more because their association broke before the answer.
    """

    def __init__(self, program: Program, port: int, *, ae_title: str, folder: Path) -> None:
        self._command = [program, "-v", "-aet", ae_title, "-aec", "HILUM", "127.0.0.1", str(port)]
        self._report = folder / f"{ae_title}.report"
        self._program = program
        self.sent_again = 0

    def send(
        self,
        objects: Sequence[Sendable],
        *,
        acknowledged: Callable[[Sendable], object],
        giving_up: Callable[[], bool] = lambda: False,
    ) -> None:
        """Send until all is acknowledged, however often the association breaks."""
        waiting = {str(one.path): one for one in objects}
        while waiting and not giving_up():
            tried, stored = self._call(list(waiting))
            for path in stored:
                acknowledged(waiting.pop(path))
            self.sent_again += sum(path in waiting for path in tried)
            if waiting:
                time.sleep(_WAITS_S)

    def _call(self, paths: Sequence[str]) -> tuple[Collection[str], Collection[str]]:
        """Call the program once: the files that it tried, and those that were answered with success."""
        self._report.unlink(missing_ok=True)
        options = ["+crf", str(self._report)] if self._program == "dcmsend" else []
        said = subprocess.run(
            [*self._command, *options, *paths],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **DCMTK_ENVIRONMENT},
            timeout=_LIMIT_S,
            check=False,
        ).stdout.decode(errors="replace")
        if self._program == "storescu":
            return read(STORESCU, said)
        report = self._report.read_text(errors="replace") if self._report.exists() else ""
        return read(DCMSEND, report)


def read(pattern: re.Pattern[str], text: str) -> tuple[list[str], list[str]]:
    """Read files and, behind each, perhaps an answer."""
    tried: list[str] = []
    stored: list[str] = []
    for path, status in pattern.findall(text):
        if path:
            tried.append(path)
        elif status == "Success":
            stored.append(tried[-1])
    return tried, stored
