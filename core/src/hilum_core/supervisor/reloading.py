"""The check of a new config while the router runs, in a process of its own: plugins are loaded there."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import attrs

_LIMIT_S = 60.0
_LAST_WORDS_S = 1.0
_LONGEST_LINE = 1000
_CHUNK_BYTES = 65536


@attrs.frozen
class Verdict:
    """What the check found; ``text`` is the config that was checked, whatever the file says by now."""

    text: str
    problems: str


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
        self._first_line = b""
        try:
            scratch.write_text(text, encoding="utf-8")
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "hilum_core.cli", "check", "--config", str(scratch)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
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
        if self._process.returncode == 0:
            return Verdict(self._text, "")
        # A process that a plugin left behind may hold the pipe open for ever.
        self._listener.join(_LAST_WORDS_S)
        # The report quotes values of the config; the log gets its first line, people call `hilum check`.
        said = self._first_line.decode("utf-8", "replace").strip()
        return Verdict(self._text, said or "the check failed")

    def end(self) -> None:
        """Break the check off."""
        self._process.kill()
        self._process.wait()
        self._tidy()

    def _listen(self) -> None:
        """Take all that is said, and keep its first line: plugins may print any amount."""
        assert self._process.stderr is not None
        with self._process.stderr as said:
            self._first_line = said.readline(_LONGEST_LINE)
            while said.read(_CHUNK_BYTES):
                pass

    def _tidy(self) -> None:
        with suppress(OSError):
            self._scratch.unlink()
