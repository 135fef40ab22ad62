"""The check of a new config while the router runs, in a process of its own: plugins are loaded there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import attrs

_LIMIT_S = 60.0


@attrs.frozen
class Verdict:
    """What the check found; ``text`` is the config that was checked, whatever the file says by now."""

    text: str
    problems: str


class ConfigCheck:
    """`hilum check` of a config text, under way.

    Parameters
    ----------
    text
        What the file said when the reload was asked for.
    scratch
        Where the text is kept for the check.
    """

    def __init__(self, text: str, scratch: Path) -> None:
        self._text = text
        self._deadline = time.monotonic() + _LIMIT_S
        scratch.write_text(text, encoding="utf-8")
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "hilum_core.cli", "check", "--config", str(scratch)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def verdict(self) -> Verdict | None:
        """What was found; None while the check is under way."""
        if self._process.poll() is None:
            if time.monotonic() < self._deadline:
                return None
            self._process.kill()
            self._process.communicate()
            return Verdict(self._text, f"the check did not end within {_LIMIT_S:g} s: a plugin hangs")
        said, _ = self._process.communicate()
        if self._process.returncode == 0:
            return Verdict(self._text, "")
        # The report quotes values of the config; the log gets its first line, people call `hilum check`.
        return Verdict(self._text, said.strip().partition("\n")[0] or "the check failed")
