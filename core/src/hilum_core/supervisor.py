"""`hilum run`: starts the stages, starts again what dies, stops everything within its time.

The supervisor loads no plugin and opens no queue. It binds the port and hands the socket down, so that
while a receiving process is started again callers wait and are not refused. Its children end when it
ends, however it ends (see `hilum_core.stage`), and hold its lock on the state directory until then.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import attrs

from hilum_core import log, revisions
from hilum_core.arguments import command_line
from hilum_core.config import Config, ListenAddress, load
from hilum_core.incarnation import StateDirError, lock_state_dir, prepare_state_dir
from hilum_core.registry import check, report
from hilum_core.stage import EXIT_CANNOT_START, StageArguments, StopSignal
from hilum_sdk.config import ConfigProblem, ConfigProblems

EXIT_FAILED = 1
EXIT_CONFIG = 78
_FIRST_RESTART_S = 0.2
_LONGEST_RESTART_S = 30.0
_STEADY_S = 60.0
_MARGIN_S = 5.0
_BACKLOG = 128


class CannotStart(Exception):  # noqa: N818 - an end of the run, with its one line
    """The router cannot run as it is; the text says what to do."""


def run(config_path: Path, *, strict: bool, log_format: log.LogFormat, log_level: str) -> int:
    """Run the router until SIGTERM or SIGINT.

    Returns
    -------
    The exit status: 0 stopped as told, 1 could not start or had to be killed, 78 a faulty config
    (with `strict` any fault; without, only one in ``[router]`` or ``[peers]``).
    """
    log.start(log_format, log_level, "supervisor", reads_dicom=False)
    stopping = StopSignal()
    stopping.listen(to_terminal=True)
    try:
        text = config_path.read_text(encoding="utf-8")
        config, problems = _accept(text, config_path, strict=strict)
        supervisor = Supervisor(
            config_path, config, text, stopping, log_format=log_format, log_level=log_level
        )
    except ConfigProblems as error:
        print(report(error.problems, str(config_path)), file=sys.stderr)  # noqa: T201 - for the person who started it
        return EXIT_CONFIG
    except (OSError, UnicodeDecodeError):
        print(f"{config_path}: cannot be read; name a config with --config", file=sys.stderr)  # noqa: T201
        return EXIT_CONFIG
    except (StateDirError, CannotStart) as error:
        print(f"hilum: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
    for problem in problems:
        supervisor.log.error("a part of the config waits; hilum check says why", where=problem.path)
    return supervisor.run()


def _accept(text: str, path: Path, *, strict: bool) -> tuple[Config, tuple[ConfigProblem, ...]]:
    """Read a config; plugins are loaded here only for `strict`, which wants every fault found."""
    if not strict:
        return load(text, source=str(path))
    config, _composition, problems = check(text, source=str(path))
    if problems:
        raise ConfigProblems(problems)
    return config, problems


@attrs.define
class _Child:
    """One stage process, across its deaths."""

    name: str
    module: str
    arguments: StageArguments
    after: _Child | None = None
    """Starts only when this one has ended: a stage has one coordinator, its lanes one set of workers."""
    process: subprocess.Popen[bytes] | None = None
    pidfd: int = -1
    started_at: float = 0.0
    restart_at: float = 0.0
    restart_s: float = _FIRST_RESTART_S

    def fileno(self) -> int:
        """Readable when the process has ended."""
        return self.pidfd

    def start(self) -> None:
        fds = self.arguments.inherited_fds()
        self.process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [sys.executable, "-m", self.module, *command_line(self.arguments)],
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
        )
        self.pidfd = os.pidfd_open(self.process.pid)
        self.started_at = time.monotonic()

    def collect(self) -> int:
        """The exit status of a process that has ended; sets when it may start again."""
        assert self.process is not None
        code = self.process.wait()
        os.close(self.pidfd)
        self.process, self.pidfd = None, -1
        now = time.monotonic()
        steady = now - self.started_at > _STEADY_S
        self.restart_s = _FIRST_RESTART_S if steady else min(self.restart_s * 2, _LONGEST_RESTART_S)
        self.restart_at = now + self.restart_s
        return code

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            signal.pidfd_send_signal(self.pidfd, number)


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
        self._failed = False
        state_dir = config.router.state_dir
        prepare_state_dir(state_dir)
        self._lock_fd = lock_state_dir(state_dir)
        self._listening = _listen(config.router.listen)
        (state_dir / "endpoint").write_text(_address_text(self._listening) + "\n")
        self._lifeline_fd, self._lifeline_end = os.pipe()
        self._config = config
        self._children = self._stages(config, revisions.accept(state_dir, text))
        self._leaving: list[_Child] = []

    def _stages(self, config: Config, revision: int) -> list[_Child]:
        arguments = StageArguments(
            state_dir=config.router.state_dir,
            revision=revision,
            lifeline_fd=self._lifeline_fd,
            lock_fd=self._lock_fd,
            stop_within_s=config.router.stop_within.total_seconds(),
            log_format=self._log_format,
            log_level=self._log_level,
        )
        receiving = attrs.evolve(arguments, listen_fd=self._listening.fileno())
        receivers = [
            _Child(f"receive-{number}", "hilum_core.receive", receiving)
            for number in range(1, config.router.receive_processes + 1)
        ]
        others = [
            _Child(stage, f"hilum_core.{stage}", arguments)
            for stage in ("route", "render", "deliver", "retain")
        ]
        return receivers + others

    def run(self) -> int:
        """Keep the stages running until told to stop; returns the exit status."""
        signal.signal(signal.SIGHUP, self._on_hangup)
        self.log.info(
            "router started",
            listen=_address_text(self._listening),
            ae_title=self._config.router.ae_title,
            revision=self._children[0].arguments.revision,
        )
        while not self._stopping() and not self._failed:
            self._start_due()
            if self._reload_wanted:
                self._reload_wanted = False
                self._reload()
            self._watch(self._next_start_in())
        return self._stop()

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            waits = child.after is not None and child.after.process is not None
            if child.process is None and not waits and now >= child.restart_at:
                child.start()

    def _next_start_in(self) -> float:
        waits = [
            child.restart_at - time.monotonic()
            for child in self._children
            if child.process is None and (child.after is None or child.after.process is None)
        ]
        return max(0.0, min(waits, default=1.0))

    def _watch(self, timeout_s: float) -> None:
        """Wait for a child's end, a signal, or the time; note who has ended."""
        running = [child for child in self._children + self._leaving if child.process is not None]
        waited: list[StopSignal | _Child] = [self._stopping, *running]
        ended = select.select(waited, [], [], timeout_s)[0]
        for child in ended:
            if not isinstance(child, _Child):
                continue
            code = child.collect()
            if child in self._leaving:
                self._leaving.remove(child)
            elif code == EXIT_CANNOT_START:
                self._failed = True
            elif not self._stopping():
                self.log.error(
                    "a stage died and is started again",
                    child=child.name,
                    how=f"signal {-code}" if code < 0 else f"exit status {code}",
                    again_in_s=child.restart_s,
                )

    # ---- reload

    def _on_hangup(self, _number: int, _frame: FrameType | None) -> None:
        self._reload_wanted = True

    def _reload(self) -> None:
        """Take a new config if it has no fault at all; keep the running one otherwise."""
        try:
            text = self._config_path.read_text(encoding="utf-8")
            problems = _check_apart(self._config_path)
            if problems:
                self.log.error("the new config is refused, the running one stays", problems=problems)
                return
            config, _ = load(text, source=str(self._config_path))
        except (OSError, UnicodeDecodeError, ConfigProblems):
            self.log.warning(
                "the new config cannot be read, the running one stays", path=str(self._config_path)
            )
            return
        if (
            config.router.state_dir != self._config.router.state_dir
            or config.router.listen != self._config.router.listen
        ):
            self.log.error("listen and state_dir change only by a new start, the running config stays")
            return
        revision = revisions.accept(config.router.state_dir, text)
        if revision == self._children[0].arguments.revision:
            self.log.info("the config has not changed", revision=revision)
            return
        self._leaving += [child for child in self._children if child.process is not None]
        for child in self._leaving:
            child.signal(signal.SIGTERM)
        before = {child.name: child for child in self._leaving if child.arguments.listen_fd < 0}
        self._config, self._children = config, self._stages(config, revision)
        for child in self._children:
            child.after = before.get(child.name)
        self.log.info("took a new config", revision=revision)

    # ---- stop

    def _stop(self) -> int:
        """Stop all stages within the time that the config gives, then end what is left."""
        self.log.info("stopping")
        everybody = [child for child in self._children + self._leaving if child.process is not None]
        for child in everybody:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + self._config.router.stop_within.total_seconds() + _MARGIN_S
        clean = True
        while running := [child for child in everybody if child.process is not None]:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                clean = False
                for child in running:
                    self.log.error("a stage did not stop in time and is ended", child=child.name)
                    child.signal(signal.SIGKILL)
            for child in select.select(running, [], [], max(0.0, left_s))[0]:
                child.collect()
        self.log.info("stopped")
        return EXIT_FAILED if self._failed or not clean else 0


def _listen(address: ListenAddress) -> socket.socket:
    """Bind the port of the router.

    Raises
    ------
    CannotStart
        It is in use, or may not be bound.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotStart(
            f"router.listen: cannot listen on {address.host}:{address.port} ({error.strerror}); "
            f"stop what listens there, or choose another port"
        ) from error
    return listening


def _address_text(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _check_apart(config_path: Path) -> str:
    """Check a config with all its plugins, in a process of its own; empty if it has no fault."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "hilum_core.cli", "check", "--config", str(config_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
        text=True,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()
