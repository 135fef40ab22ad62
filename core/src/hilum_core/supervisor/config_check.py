"""The check of a new config while the router runs, in a process of its own: plugins are loaded there."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import attrs

_LIMIT_S = 60.0
_LAST_WORDS_S = 1.0
_MOST_REPORTED_BYTES = 1 << 16
_CHUNK_BYTES = 65536


@attrs.frozen
class Verdict:
    """What the check found.

    ``text`` is the config that was checked, whatever the file says by now; ``problems`` one line that may
    be logged, empty if there are none; ``report`` all that `hilum check` said, for the owner of the config.
    """

    text: str
    problems: str
    report: str = ""


class ConfigCheck:
    """`hilum check` of a config text, under way. Starting it raises `OSError` where that is impossible.

    Parameters
    ----------
    text
        What the file said when the reload was asked for.
    scratch
        Where the text is kept for the time of the check.
    """

    def __init__(self, text: str, scratch: Path) -> None:
        self._text = text
        self._scratch = scratch
        self._deadline = time.monotonic() + _LIMIT_S
        self._said = b""
        try:
            scratch.write_text(text, encoding="utf-8")
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "hilum_core.cli", "check", "--config", str(scratch)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except OSError:
            self._tidy()
            raise
        self._listener = threading.Thread(target=self._listen, name="config check", daemon=True)
        self._listener.start()

    def verdict(self) -> Verdict | None:
        """What was found; None while the check is under way."""
        if self._process.poll() is None:
            if time.monotonic() < self._deadline:
                return None
            self.end()
            return Verdict(self._text, f"the check did not end within {_LIMIT_S:g} s: a plugin hangs")
        self._tidy()
        # A process that a plugin left behind may hold the pipe open for ever.
        self._listener.join(_LAST_WORDS_S)
        report = self._said.decode("utf-8", "replace").strip()
        if self._process.returncode == 0:
            return Verdict(self._text, "", report)
        # The report quotes values of the config; the log gets its first line, people call `hilum check`.
        return Verdict(self._text, report.partition("\n")[0].strip() or "the check failed", report)

    def end(self) -> None:
        """Break the check off."""
        self._process.kill()
        self._process.wait()
        self._tidy()

    def _listen(self) -> None:
        """Take all that is said, and keep the beginning: plugins may print any amount."""
        assert self._process.stdout is not None
        with self._process.stdout as said:
            while chunk := os.read(said.fileno(), _CHUNK_BYTES):  # piece by piece: the end may never come
                self._said = (self._said + chunk)[:_MOST_REPORTED_BYTES]

    def _tidy(self) -> None:
        with suppress(OSError):
            self._scratch.unlink()
