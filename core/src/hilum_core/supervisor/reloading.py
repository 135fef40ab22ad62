"""A new config while the router runs: asked for, checked, taken or refused.

It is asked for by SIGHUP or through `hilum_core.supervisor.requests`. What is asked for while a check is
under way gets a check of its own afterwards, because the file may have changed since.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from operator import attrgetter
from pathlib import Path

from hilum_core import log
from hilum_core.config import Config, RouterSettings, load
from hilum_core.supervisor.config_check import ConfigCheck, Verdict
from hilum_core.supervisor.requests import Answer, Outcome, ReloadRequests, tell
from hilum_core.supervisor.room import at_any_cost


class Reloads:
    """What becomes of requests to read the config again.

    Parameters
    ----------
    take
        Gives every stage a config, which is kept under the number that is returned. Raises `OSError` where
        it cannot be kept.
    """

    def __init__(
        self,
        config_path: Path,
        running: RouterSettings,
        revision: int,
        take: Callable[[Config, str], int],
    ) -> None:
        self._config_path = config_path
        self._running = running
        self._revision = revision
        self._take = take
        self._log = log.get_logger("supervisor")
        self._requests = ReloadRequests(running.state_dir)
        self._scratch = running.state_dir / "config" / "candidate.toml"
        # Who keeps settled objects for less long, because the disk is full, must not be stopped by that.
        self._with_room = partial(at_any_cost, running.state_dir)
        self._wanted = False
        self._check: ConfigCheck | None = None
        self._asked: list[socket.socket] = []

    def fileno(self) -> int:
        """Readable when somebody asks for a reload, for `select`."""
        return self._requests.fileno()

    def want(self) -> None:
        """Have the config read again at the next step."""
        self._wanted = True

    def step(self) -> None:
        """Begin a check that is wanted, or act on one that has ended. Never waits for it."""
        self._wanted |= self._requests.take()
        if self._check is not None:
            verdict = self._check.verdict()
            if verdict is not None:
                self._check = None
                self._decide(verdict)
        elif self._wanted:
            self._wanted = False
            self._asked = self._requests.hand_over()
            self._begin()

    def close(self) -> None:
        """Break off what is under way, and hang up on who asked for it."""
        if self._check is not None:
            self._check.end()
        for one in self._asked:
            one.close()
        self._requests.close()

    def _begin(self) -> None:
        try:
            text = self._config_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            self._log.error("the new config cannot be read, the running one stays")
            self._answer("failed", f"{self._config_path}: cannot be read by the user of the router")
            return
        try:
            self._check = self._with_room(lambda: ConfigCheck(text, self._scratch))
        except OSError as error:
            self._say_no_room(error)

    def _decide(self, verdict: Verdict) -> None:
        report = verdict.report.replace(str(self._scratch), str(self._config_path))
        if verdict.problems:
            self._log.error(
                "the new config is refused, the running one stays; hilum check says why",
                problems=verdict.problems,
            )
            self._answer("refused", report or f"{self._config_path}: {verdict.problems}")
            return
        config, _ = load(verdict.text, source=str(self._config_path))
        fixed = attrgetter("state_dir", "listen", "listen_tls")
        if fixed(config.router) != fixed(self._running):
            self._log.error(
                "listen, listen_tls and state_dir change only by a new start, the running config stays"
            )
            where = f"{self._config_path}: router"
            self._answer("refused", f"{where}: listen, listen_tls and state_dir change only by a new start")
            return
        try:
            revision = self._with_room(lambda: self._take(config, verdict.text))
        except OSError as error:
            self._say_no_room(error)
            return
        outcome: Outcome = "unchanged" if revision == self._revision else "taken"
        if outcome == "taken":
            self._running, self._revision = config.router, revision
            self._log.info("took a new config", revision=revision)
        else:
            self._log.info("the config has not changed", revision=revision)
        self._answer(outcome, report)

    def _say_no_room(self, error: OSError) -> None:
        self._log.error("the new config cannot be taken now, the running one stays", reason=error.strerror)
        self._answer("failed", f"{self._running.state_dir}: cannot be written now: {error.strerror}")

    def _answer(self, outcome: Outcome, text: str) -> None:
        tell(self._asked, Answer(outcome=outcome, revision=self._revision, text=text))
        self._asked = []
