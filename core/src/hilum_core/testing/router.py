"""`running_router()`: starts `hilum run`, waits until it listens, stops it at the end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from hilum_core.clock import SystemClock
from hilum_core.queue import SqliteQueue
from hilum_core.queue.records import DeliveryRow, ObjectRow
from hilum_core.queue.states import UNFINISHED

Answer = TypeVar("Answer")
_START_WITHIN_S = 30.0
_STOP_WITHIN_S = 40.0
_ALL = 1_000_000


class RunningRouter:
    """A router at work, from outside: its port, its processes, its queue, its log."""

    def __init__(
        self, config_path: Path, state_dir: Path, log_path: Path, before: Sequence[str] = ()
    ) -> None:
        self.before = before
        self.config_path = config_path
        self.state_dir = state_dir
        self.log_path = log_path
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._ports()[0]

    @property
    def tls_port(self) -> int:
        """Where it listens for TLS."""
        return self._ports()[1]

    def _ports(self) -> list[int]:
        lines = (self.state_dir / "endpoint").read_text().splitlines()
        return [int(line.rpartition(":")[2]) for line in lines]

    def start(self, *options: str) -> None:
        """Start it, or start it again after `stop` or `kill`; returns when it listens."""
        (self.state_dir / "endpoint").unlink(missing_ok=True)
        with self.log_path.open("ab") as out:
            command = [sys.executable, "-m", "hilum_core.cli", "run", "--config", str(self.config_path)]
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                [*self.before, *command, *options],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                process_group=0,  # a crash point may end all of it
            )
        self.wait_until(self._listens, within_s=_START_WITHIN_S)

    def _listens(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(f"the router ended with status {self.process.returncode}:\n{self.log()}")
        endpoint = self.state_dir / "endpoint"
        return endpoint.exists() and endpoint.read_text().endswith("\n")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and return its exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def log(self) -> str:
        """All that it has logged so far."""
        return self.log_path.read_text(encoding="utf-8") if self.log_path.exists() else ""

    @contextlib.contextmanager
    def queue(self) -> Iterator[SqliteQueue]:
        """Its queue, opened beside it as the command line does."""
        queue = SqliteQueue.open(self.state_dir / "queue.sqlite", 0, SystemClock())
        try:
            yield queue
        finally:
            queue.close()

    def processes(self) -> dict[str, list[int]]:
        """The processes of the router by what they run: ``receive``, ``route``, ``deliver.worker``, ….

        Found by the state directory on their command line, so that orphans are found, too.
        """
        found: dict[str, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().decode().split("\0")
                if f"--state-dir={self.state_dir}" in words and "-m" in words:
                    module = words[words.index("-m") + 1].removeprefix("hilum_core.")
                    found.setdefault(module, []).append(int(entry.name))
        return found

    def kill(self, module: str) -> int:
        """End one process that runs `module`, by SIGKILL; its pid."""
        pid = self.processes()[module][0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def wait_until(self, condition: Callable[[], Answer], *, within_s: float = 30.0) -> Answer:
        """Ask until the answer is true, and return it.

        Raises
        ------
        TimeoutError
            It was not, in time; the text holds the router's log.
        """
        end = time.monotonic() + within_s
        while not (answer := condition()):
            if time.monotonic() > end:
                raise TimeoutError(f"not within {within_s:g} s; the router's log:\n{self.log()}")
            time.sleep(0.02)
        return answer

    def wait_until_idle(self, *, objects: int, within_s: float = 60.0) -> None:
        """Wait until this many objects have come in and all of them are settled."""

        def idle() -> bool:
            with self.queue() as queue:
                counts = queue.status().objects
            done = counts.get("settled", 0) + counts.get("purged", 0)
            return done >= objects and done == sum(counts.values())

        self.wait_until(idle, within_s=within_s)

    def wait_until_quiet(self, *, objects: int, within_s: float = 60.0) -> None:
        """Wait until this many objects are known and nothing goes on by itself.

        What is dead or held waits for a person and is quiet, too.
        """

        def quiet() -> bool:
            with self.queue() as queue:
                status = queue.status()
            busy = sum(status.objects.get(state, 0) for state in ("received", "routing"))
            busy += sum(one.by_state.get(state, 0) for one in status.sinks for state in UNFINISHED)
            return not busy and sum(status.objects.values()) >= objects

        self.wait_until(quiet, within_s=within_s)

    def objects(self, *states: str) -> Sequence[ObjectRow]:
        """All its objects, or those in these states."""
        with self.queue() as queue:
            return queue.list_objects(states=states, limit=_ALL)

    def deliveries(self, sink: str = "", *states: str) -> Sequence[DeliveryRow]:
        """All deliveries, or those to a sink or in these states."""
        with self.queue() as queue:
            return queue.list_deliveries(sink=sink, states=states, limit=_ALL)


@contextlib.contextmanager
def running_router(
    folder: Path,
    config: str,
    *,
    options: tuple[str, ...] = (),
    before: Sequence[str] = (),
    **router: str | int | Sequence[str],
) -> Iterator[RunningRouter]:
    """Run a router while the block runs.

    Parameters
    ----------
    folder
        An empty folder of the test's own, for config, state and log.
    config
        TOML without its ``[router]`` table: peers, filters, transforms, sinks, routes.
    options
        Further options of ``hilum run``.
    before
        Words before the command, of a program that becomes it: ``ip netns exec NAME``.
    router
        Settings of ``[router]`` besides ``listen`` (any free port) and ``state_dir``.
    """
    state_dir = folder / "state"
    state_dir.mkdir()
    settings = {"listen": "127.0.0.1:0", "state_dir": str(state_dir), "refuse_below_free": "64MiB", **router}
    lines = [f"{key} = {_toml(value)}" for key, value in settings.items()]
    config_path = folder / "hilum.toml"
    config_path.write_text("\n".join(["[router]", *lines, "", config]), encoding="utf-8")
    running = RunningRouter(config_path, state_dir, folder / "router.log", before)
    running.start(*options)
    try:
        yield running
    finally:
        running.stop()


def _toml(value: str | int | Sequence[str]) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, int):
        return str(value).lower()
    return f"[{', '.join(map(_toml, value))}]"
