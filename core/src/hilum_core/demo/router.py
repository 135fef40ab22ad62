"""The router of the demo: `hilum run` as a process of its own, started, watched and stopped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hilum_sdk import HilumError

START_WITHIN_S = 30.0
STOP_WITHIN_S = 30.0
_LAST_LINES = 5


class RouterFailed(HilumError):  # noqa: N818 - it names a state of the world
    """The router did not start or ended; the message holds the last lines of its log."""


class RouterProcess:
    """`hilum run --config …`, its log in a file."""

    def __init__(self, config_path: Path, log_path: Path) -> None:
        self._log_path = log_path
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "hilum_core.cli", "run", "--config", str(config_path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C at the demo's terminal is for the demo, which then stops the router in order.
                start_new_session=True,
            )

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until the router answers.

        Raises
        ------
        RouterFailed
            It ended, or did not answer in time.
        """
        deadline = time.monotonic() + START_WITHIN_S
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise RouterFailed(
                    f"the router did not answer within {START_WITHIN_S:.0f} s{self._log_end()}"
                )
            time.sleep(0.1)

    def check(self) -> None:
        """Raise `RouterFailed` if the router has ended."""
        status = self._process.poll()
        if status is not None:
            raise RouterFailed(f"the router ended with status {status}{self._log_end()}")

    def stop(self) -> int:
        """Let the router finish, as an operator would; at the deadline make it end. Returns its status."""
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                self._process.send_signal(number)
                try:
                    self._process.wait(STOP_WITHIN_S)
                except subprocess.TimeoutExpired:
                    continue
        return self._process.wait()

    def _log_end(self) -> str:
        lines = self._log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        return "".join(f"\n  {line}" for line in lines[-_LAST_LINES:])
