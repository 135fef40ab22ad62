"""What an examination is given, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path

import attrs


class Level(StrEnum):
    """How bad it is: nothing to do, to be looked at, or to be mended."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@attrs.frozen(kw_only=True)
class Finding:
    """One line of the report. ``what`` is what was found, ``do`` what a person can do about it."""

    examination: str
    level: Level
    what: str
    do: str = ""


@attrs.frozen(kw_only=True)
class Case:
    """What is examined. ``config_path`` is None where only a state directory was named.

    ``deep``: also read every object, and have SQLite compare all of its indexes.
    """

    state_dir: Path
    config_path: Path | None
    deep: bool = False


@attrs.frozen
class Says:
    """Makes the findings of one examination."""

    examination: str

    def ok(self, what: str) -> Finding:
        """Nothing to do."""
        return Finding(examination=self.examination, level=Level.OK, what=what)

    def warn(self, what: str, do: str) -> Finding:
        """Something to look at."""
        return Finding(examination=self.examination, level=Level.WARNING, what=what, do=do)

    def fault(self, what: str, do: str) -> Finding:
        """Something to mend."""
        return Finding(examination=self.examination, level=Level.FAULT, what=what, do=do)


Examination = Callable[[Case, Says], Iterator[Finding]]
"""Looks at one thing; changes nothing. What it raises becomes a fault of its own."""
