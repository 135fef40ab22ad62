"""The processes of one router: started, watched, given a new config, stopped."""

from __future__ import annotations

import os
import secrets
import select
import signal
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

import attrs

from hilum_core import log, revisions
from hilum_core.config import Config
from hilum_core.crash_points import reach
from hilum_core.incarnation import lock_state_dir, prepare_state_dir
from hilum_core.stage import EXIT_CANNOT_START, EXIT_QUEUE_DAMAGED, StageArguments, StopSignal
from hilum_core.supervisor.child import Child
from hilum_core.supervisor.descriptors import allow, needed, shortage
from hilum_core.supervisor.expiry import ExpiryWatch
from hilum_core.supervisor.listening import Ports
from hilum_core.supervisor.notifying import READY, STOPPING, notify
from hilum_core.supervisor.queue_gate import QueueGate
from hilum_core.supervisor.reloading import Reloads
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
        self._stopping = stopping
        self._log_format = log_format
        self._log_level = log_level
        self._hung_up = False
        signal.signal(signal.SIGHUP, self._on_hangup)  # before anybody can know that we are there
        self._failed = False
        self._expiry = ExpiryWatch(self.log)
        state_dir = config.router.state_dir
        prepare_state_dir(state_dir)
        self._lock_fd = lock_state_dir(state_dir)
        self._ports = Ports.bind(config.router)
        addresses = "\n".join(self._ports.fields().values())
        with_room(state_dir, lambda: (state_dir / "endpoint").write_text(f"{addresses}\n"))
        self._lifeline_fd, self._lifeline_end = os.pipe()
        self._config = config
        revision = with_room(state_dir, lambda: revisions.accept(state_dir, text))
        self._reloads = with_room(
            state_dir, lambda: Reloads(config_path, config.router, revision, self._start_over)
        )
        self._children = self._stages(config, revision)
        self._leaving: list[Child] = []
        self._gate = QueueGate(state_dir, self.log)
        self._gate.try_to_open()  # before any stage works: nothing is to be sent by an older copy

    def _stages(self, config: Config, revision: int) -> list[Child]:
        if short := shortage(config.router):
            self.log.warning("too few file descriptors for all associations", reason=short)
        allow(needed(config.router))
        arguments = StageArguments(
            state_dir=config.router.state_dir,
            revision=revision,
            lifeline_fd=self._lifeline_fd,
            lock_fd=self._lock_fd,
            stop_within_s=config.router.stop_within.total_seconds(),
            log_format=self._log_format,
            log_level=self._log_level,
            epoch=secrets.token_hex(8),
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
        notify(READY)
        while not self._stopping() and not self._failed:
            self._gate.try_to_open()
            self._start_due()
            self._reload_if_wanted()
            self._expiry.look_if_due(self._config)
            self._watch(self._next_start_in())
            self._ask_to_leave(child for child in self._leaving if child.is_retired_too_long)
            self._end_overdue(self._children + self._leaving)
        return self._stop()

    def _start_due(self) -> None:
        for child in self._startable():
            if not child.clock.due_in():
                self._start(child)

    def _startable(self) -> list[Child]:
        """Who does not run, and may."""
        idle = [child for child in self._children if child.may_start]
        return [child for child in idle if self._gate.lets_pass(child.arguments)]

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
        waits = [child.clock.due_in() for child in self._startable()]
        return min([_LOOK_EVERY_S, *waits])

    def _watch(self, timeout_s: float) -> None:
        """Wait for a child's end, a signal, or the time; note who has ended."""
        running = [child for child in self._children + self._leaving if child.is_running]
        waited: list[StopSignal | Reloads | Child] = [self._stopping, self._reloads, *running]
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
            elif code == EXIT_QUEUE_DAMAGED:
                self._rest_but_reception()
            elif not self._stopping() and self._gate.lets_pass(child.arguments):
                how = f"signal {-code}" if code < 0 else f"exit status {code}"
                self.log.error(
                    "a stage died and is started again", child=child.name, how=how, again_in_s=again_in_s
                )

    def _rest_but_reception(self) -> None:
        """A damaged queue says nothing that may be acted on: only reception goes on, which needs none."""
        self._gate.close()
        self._ask_to_leave(child for child in self._children if not self._gate.lets_pass(child.arguments))

    # ---- reload

    def _on_hangup(self, _number: int, _frame: FrameType | None) -> None:
        self._hung_up = True

    def _reload_if_wanted(self) -> None:
        if self._hung_up:
            self._hung_up = False
            self._reloads.want()
        self._reloads.step()

    def _start_over(self, config: Config, text: str) -> int:
        """Give every stage the new config; returns its revision, that of before if it has not changed.

        Receivers start at once, beside their forerunners: these take no more callers and see off those that
        they have. Of the other stages each starts when its forerunner has ended.
        """
        revision = revisions.accept(config.router.state_dir, text)
        if revision == self._children[0].arguments.revision:
            return revision
        reach("config.accepted")
        before = [child for child in self._children if child.is_running]
        for child in before:
            if child.receives:
                child.retire()
            else:
                self._ask_to_leave([child])
        self._leaving += before
        reach("supervisor.replacing")
        forerunners = {child.name: child for child in self._leaving if not child.receives}
        self._config, self._children = config, self._stages(config, revision)
        for child in self._children:
            child.after = forerunners.get(child.name)
        return revision

    # ---- stop

    def _stop(self) -> int:
        """Stop all stages within the time that the config gives, then end what is left."""
        self.log.info("stopping")
        notify(STOPPING)
        self._reloads.close()
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
