"""The processes of one router: started, watched, given a new config, stopped."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from types import FrameType

import attrs

from hilum_core import log, revisions
from hilum_core.config import Config, load
from hilum_core.crash_points import reach
from hilum_core.incarnation import lock_state_dir, prepare_state_dir
from hilum_core.stage import EXIT_CANNOT_START, StageArguments, StopSignal
from hilum_core.supervisor.child import Child
from hilum_core.supervisor.listening import Ports
from hilum_core.supervisor.reloading import ConfigCheck, Verdict
from hilum_core.supervisor.room import with_room

EXIT_FAILED = 1
_LOOK_EVERY_S = 1.0
_LOOK_AT_STOP_S = 0.1
_MARGIN_S = 5.0


class Supervisor:
    """The processes of one router."""

    def __init__(
        self,
        config_path: Path,
        config: Config,
        text: str,
        stopping: StopSignal,
        *,
        log_format: log.LogFormat,
        log_level: str,
    ) -> None:
        self.log = log.get_logger("supervisor")
        self._config_path = config_path
        self._stopping = stopping
        self._log_format = log_format
        self._log_level = log_level
        self._reload_wanted = False
        signal.signal(signal.SIGHUP, self._on_hangup)  # before anybody can know that we are there
        self._check: ConfigCheck | None = None
        self._failed = False
        state_dir = config.router.state_dir
        prepare_state_dir(state_dir)
        self._lock_fd = lock_state_dir(state_dir)
        self._ports = Ports.bind(config.router)
        addresses = "\n".join(self._ports.fields().values())
        with_room(state_dir, lambda: (state_dir / "endpoint").write_text(f"{addresses}\n"))
        self._lifeline_fd, self._lifeline_end = os.pipe()
        self._config = config
        self._children = self._stages(config, with_room(state_dir, lambda: revisions.accept(state_dir, text)))
        self._leaving: list[Child] = []

    def _stages(self, config: Config, revision: int) -> list[Child]:
        arguments = StageArguments(
            state_dir=config.router.state_dir,
            revision=revision,
            lifeline_fd=self._lifeline_fd,
            lock_fd=self._lock_fd,
            stop_within_s=config.router.stop_within.total_seconds(),
            log_format=self._log_format,
            log_level=self._log_level,
        )
        receiving = attrs.evolve(
            arguments, listen_fd=self._ports.plain.fileno(), listen_tls_fd=self._ports.tls_fd
        )
        receivers = [
            Child(f"receive-{number}", "hilum_core.receive", receiving)
            for number in range(1, config.router.receive_processes + 1)
        ]
        others = [
            Child(stage, f"hilum_core.{stage}", arguments)
            for stage in ("route", "render", "deliver", "retain")
        ]
        return receivers + others

    def run(self) -> int:
        """Keep the stages running until told to stop; returns the exit status."""
        self.log.info(
            "router started",
            ae_title=self._config.router.ae_title,
            **self._ports.fields(),
            revision=self._children[0].arguments.revision,
        )
        while not self._stopping() and not self._failed:
            self._start_due()
            self._reload_if_wanted()
            self._watch(self._next_start_in())
            self._end_overdue(self._leaving)
        return self._stop()

    def _start_due(self) -> None:
        for child in self._children:
            if child.may_start and not child.clock.due_in():
                self._start(child)

    def _start(self, child: Child) -> None:
        try:
            child.start()
            reach("supervisor.started")
        except OSError as error:
            self.log.error(
                "a stage cannot be started yet",
                child=child.name,
                reason=error.strerror,
                again_in_s=child.clock.ended(),
            )

    def _next_start_in(self) -> float:
        waits = [child.clock.due_in() for child in self._children if child.may_start]
        return min([_LOOK_EVERY_S, *waits])

    def _watch(self, timeout_s: float) -> None:
        """Wait for a child's end, a signal, or the time; note who has ended."""
        running = [child for child in self._children + self._leaving if child.is_running]
        waited: list[StopSignal | Child] = [self._stopping, *running]
        ended = select.select(waited, [], [], timeout_s)[0]
        for child in ended:
            if not isinstance(child, Child):
                continue
            code = child.collect()
            again_in_s = child.clock.ended()
            if child in self._leaving:
                self._leaving.remove(child)
            elif code == EXIT_CANNOT_START:
                self._failed = True
            elif not self._stopping():
                how = f"signal {-code}" if code < 0 else f"exit status {code}"
                self.log.error(
                    "a stage died and is started again", child=child.name, how=how, again_in_s=again_in_s
                )

    # ---- reload

    def _on_hangup(self, _number: int, _frame: FrameType | None) -> None:
        self._reload_wanted = True

    def _reload_if_wanted(self) -> None:
        """Have a new config checked; take it if it has no fault at all, keep the running one otherwise."""
        if self._check is not None:
            verdict = self._check.verdict()
            if verdict is not None:
                self._check = None
                self._take(verdict)
        elif self._reload_wanted:
            self._reload_wanted = False
            self._check = self._begin_check()

    def _begin_check(self) -> ConfigCheck | None:
        try:
            text = self._config_path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            self.log.error("the new config cannot be read, the running one stays")
            return None
        try:
            return ConfigCheck(text, self._config.router.state_dir / "config" / "candidate.toml")
        except OSError as error:
            self._say_no_room(error)
            return None

    def _say_no_room(self, error: OSError) -> None:
        self.log.error("the new config cannot be taken now, the running one stays", reason=error.strerror)

    def _take(self, verdict: Verdict) -> None:
        if verdict.problems:
            self.log.error(
                "the new config is refused, the running one stays; hilum check says why",
                problems=verdict.problems,
            )
            return
        config, _ = load(verdict.text, source=str(self._config_path))
        before, after = self._config.router, config.router
        fixed = attrgetter("state_dir", "listen", "listen_tls")
        if fixed(after) != fixed(before):
            self.log.error(
                "listen, listen_tls and state_dir change only by a new start, the running config stays"
            )
            return
        self._start_over(config, verdict.text)

    def _start_over(self, config: Config, text: str) -> None:
        """Give every stage the new config: receivers at once, the others when their forerunner has ended."""
        try:
            revision = revisions.accept(config.router.state_dir, text)
        except OSError as error:
            self._say_no_room(error)
            return
        if revision == self._children[0].arguments.revision:
            self.log.info("the config has not changed", revision=revision)
            return
        reach("config.accepted")
        self._leaving += [child for child in self._children if child.is_running]
        self._ask_to_leave(self._leaving)
        reach("supervisor.replacing")
        before = {child.name: child for child in self._leaving if child.arguments.listen_fd < 0}
        self._config, self._children = config, self._stages(config, revision)
        for child in self._children:
            child.after = before.get(child.name)
        self.log.info("took a new config", revision=revision)

    # ---- stop

    def _stop(self) -> int:
        """Stop all stages within the time that the config gives, then end what is left."""
        self.log.info("stopping")
        if self._check is not None:
            self._check.end()
        everybody = [child for child in self._children + self._leaving if child.is_running]
        self._ask_to_leave(everybody)
        clean = True
        while running := [child for child in everybody if child.is_running]:
            for child in select.select(running, [], [], _LOOK_AT_STOP_S)[0]:
                child.collect()
            clean = not self._end_overdue(running) and clean
        self.log.info("stopped")
        return EXIT_FAILED if self._failed or not clean else 0

    def _ask_to_leave(self, children: Iterable[Child]) -> None:
        for child in children:
            child.leave(self._config.router.stop_within.total_seconds() + _MARGIN_S)

    def _end_overdue(self, children: Iterable[Child]) -> bool:
        """Kill what was asked to leave and did not in time; whether there was any."""
        overdue = [child for child in children if child.kill_if_overdue()]
        for child in overdue:
            self.log.error("a stage did not stop in time and is ended", child=child.name)
        return bool(overdue)
