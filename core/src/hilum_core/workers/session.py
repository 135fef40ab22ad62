"""The worker's side: a process that loads plugins, takes items from its coordinator and answers.

Messages from the coordinator: ``items`` (a list), ``answer`` (to a question), ``probe``, ``recall``
(give back what is not begun), ``stopping`` (soon, so be quick), ``stop``. Messages to it: ``hello``,
``begin``, ``at`` (whose code runs), ``aside``, ``done``, ``probed``, ``ask``, ``beat``.

The process of an isolated component is a worker, too: its coordinator is the worker that asks it.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from hilum_core import log, revisions
from hilum_core.arguments import from_command_line
from hilum_core.config import Config
from hilum_core.crash_points import reach
from hilum_core.registry import Composed, Composition, check, is_standard
from hilum_core.workers.arguments import WorkerArguments
from hilum_core.workers.context import WorkerContext
from hilum_core.workers.failures import failure_of
from hilum_core.workers.limits import CallTimer, die_with_parent, limit_memory
from hilum_core.workers.pipe import Message, Pipe, PipeClosed
from hilum_sdk import Component

_BEAT_EVERY_S = 1.0
_LOOK_AFRESH_S = 60.0
_OPENS_WITHIN_S = 30.0
_CLOSES_WITHIN = timedelta(seconds=5)


class WorkerSession:
    """All that a worker process has: its config, its plugins, its pipe, its timer."""

    def __init__(self, arguments: WorkerArguments, pipe: Pipe, only: Collection[str]) -> None:
        self.arguments = arguments
        self.pipe = pipe
        self.timer = CallTimer()
        self.meanwhile: Callable[[float | None], None] | None = None
        """Hears others, until the coordinator speaks or the time is over; where there are others to hear."""
        self.items: deque[Message] = deque()
        self.stopping = False
        self.is_pressed = False
        """Whether the router stops, though somebody still waits for what we are at."""
        self.probe_wanted = False
        self._answer: Any = None
        self._has_broken = False
        self._started_at = time.monotonic()
        self._last_beat = 0.0
        text = revisions.read(arguments.state_dir, arguments.revision)
        self.config: Config
        self.composition: Composition
        self.config, self.composition, problems = check(
            text, source=f"revision {arguments.revision}", only=only
        )
        self.is_faulty = bool(problems)
        """Whether the config has a fault: what it seems not to have may be misspelt."""

    @classmethod
    def start(cls, argv: Sequence[str], *, kind: str = "") -> WorkerSession:
        """Begin a worker process, for all components of a kind, or for the one that its label names.

        Plugins of others are not imported: one that hangs or crashes at that stops nobody else.
        """
        arguments = from_command_line(WorkerArguments, argv)
        os.set_inheritable(arguments.pipe_fd, False)  # what a plugin starts must not hold our pipe open
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        die_with_parent(arguments.parent_pid)
        log.start(arguments.log_format, arguments.log_level, arguments.label, fd=_silence_prints())
        limit_memory(arguments.memory_bytes)
        only = {kind or arguments.label.partition("#")[0]}
        pipe = Pipe(socket.socket(fileno=arguments.pipe_fd), takes_files=True)
        return cls(arguments, pipe, only)

    def end(self) -> NoReturn:
        """End the process, whatever threads plugins have left behind."""
        self.flush()
        os._exit(0)

    # ---- components

    def create(self, composed: Composed) -> Component:
        """Make a component and open it. Raises whatever the component raises."""
        label = composed.entry.label
        context = WorkerContext(
            label=label,
            data_dir=self.arguments.state_dir / "data" / label.replace("/", "_"),
            session=self,
        )
        if composed.deidentifies:
            log.hush(label)
        component = composed.create(context)
        component.open()
        return component

    def reasons(self) -> Mapping[str, str]:
        """Why parts of the config cannot be used, by label."""
        return {**self.config.broken, **self.composition.broken}

    def create_all(
        self, kind: str, *, inspect: Callable[[Component], None] = lambda _: None
    ) -> tuple[dict[str, Component], dict[str, str]]:
        """Every component of a kind by its name; and of those that are broken, the reason.

        ``inspect`` raises for one that must not be used as it is.
        """
        made: dict[str, Component] = {}
        broken = {
            label.partition(".")[2]: reason
            for label, reason in self.reasons().items()
            if label.startswith(f"{kind}.")
        }
        for label, composed in self.composition.components.items():
            name = label.removeprefix(f"{kind}.")
            if name == label or name in broken:
                continue
            self.say_alive()  # each has a limit of its own; their sum has none
            try:
                with self.timer.limit(_OPENS_WITHIN_S):
                    component = self.create(composed)
                    inspect(component)
                made[name] = component
            except MemoryError:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever a plugin raises is its defect, and is named
                failure = failure_of(error, blame=composed.blame)
                broken[name] = f"{failure.text} ({failure.blame})"
        self._has_broken = bool(broken)
        return made, broken

    def look_afresh(self) -> None:
        """Have the worker end in a minute: something is broken that a new process may find mended."""
        self._has_broken = True

    def enter(self, label: str) -> str:
        """Go into the code of a component that shares this process; whom to blame for what it does.

        Where it does not come with Hilum the coordinator is told: if the process dies, it is in there.
        """
        composed = self.composition.components[label]
        blame = f"{label} ({composed.blame})"
        if not is_standard(composed.distribution):
            self.send({"at": blame})
        return blame

    def close(self, component: Component, *, label: str) -> None:
        """Have a component close: within its time, and however it goes, because nobody needs it any more."""
        limit_s = _CLOSES_WITHIN.total_seconds()
        try:
            with self.timer.limit(limit_s):
                component.close(_CLOSES_WITHIN)
        except BaseException as error:  # noqa: BLE001 - as above
            reason = failure_of(error, blame=label).text
            log.get_logger("worker").warning("a component did not close", label=label, reason=reason)

    # ---- the pipe

    def pump(self, timeout_s: float | None) -> None:
        """Send what was posted, read what came; waits `timeout_s` for a message, with None for ever."""
        self.flush()
        if self.meanwhile is not None:
            self.meanwhile(timeout_s)
            timeout_s = 0
        self._read(timeout_s)

    def look(self) -> None:
        """Read what is there, whole, without waiting and without sending what was posted."""
        with self.timer.shielded():
            self._read(0)

    def _read(self, timeout_s: float | None) -> None:
        try:
            message = self.pipe.receive(timeout_s)
            while message is not None:
                self._take_in(message)
                message = self.pipe.receive(0)
        except PipeClosed:
            self.stopping = True

    def _take_in(self, message: Message) -> None:
        if "items" in message:
            for item in message["items"]:
                item["open_files"] = self.pipe.take_files(item.get("files", 0))
                self.items.append(item)
        elif "stop" in message:
            self.stopping = True
        elif "stopping" in message:
            self.is_pressed = True
        elif "recall" in message:
            self.recall()
        elif "probe" in message:
            self.probe_wanted = True
        elif "answer" in message:
            self._answer = message["answer"]

    def recall(self) -> None:
        """Return what waits here and was not taken: its lane rests."""
        while self.items:
            item = self.items.popleft()
            for file in item["open_files"]:
                os.close(file)
            self.done(item["id"], {"unspent": 1})

    def next_item(self) -> Message | None:
        """The next item, waiting for it; None when the worker is to end.

        That is when the coordinator says so, and, where a component is broken, after a minute: a new
        process may find it mended.
        """
        while not self.stopping and not self._wants_a_new_start():
            if self.items:
                return self.items.popleft()
            self.pump(_LOOK_AFRESH_S if self._has_broken else None)
        self.recall()
        return None

    def _wants_a_new_start(self) -> bool:
        return self._has_broken and time.monotonic() - self._started_at > _LOOK_AFRESH_S

    def begin(self, item_id: str) -> None:
        """Tell the coordinator, before anything can happen, that an item is now at work."""
        self.send({"begin": item_id})

    def put_aside(self, item_id: str) -> None:
        """Tell that an item that was begun waits for somebody else; it leaves as of `done`."""
        self.pipe.post({"aside": item_id})

    def done(self, item_id: str, outcome: Message) -> None:
        """Tell what became of an item; it leaves with the next `begin`, or when the worker waits."""
        self.pipe.post({"done": item_id, **outcome})

    def flush(self) -> None:
        """Send what was posted, whole, whatever time limit ends meanwhile."""
        with self.timer.shielded():
            self.pipe.flush()

    def send(self, message: Message, files: Sequence[int] = ()) -> None:
        """Send a message, and before it what was posted; whole, whatever time limit ends meanwhile."""
        with self.timer.shielded():
            self.pipe.send(message, files)

    def ask(self, question: str) -> Any:
        """Ask the coordinator something and wait for the answer; None when the worker is to stop."""
        self._answer = None
        self.send({"ask": question})
        while self._answer is None and not self.stopping:
            self.pump(None)
        return self._answer

    def beat(self) -> None:
        """Say that a long call is still alive, and start its time anew."""
        self.timer.beat()
        self.say_alive()
        reach("worker.beat")

    def say_alive(self) -> None:
        """Tell the coordinator that work goes on: between calls, and where it is ours and has no limit."""
        now = time.monotonic()
        if now - self._last_beat >= _BEAT_EVERY_S:
            self._last_beat = now
            self.send({"beat": 1})


def _silence_prints() -> int:
    """Keep what a plugin prints, which may quote a patient, out of the log; return the log's descriptor."""
    log_fd = os.dup(2)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (1, 2):
        os.dup2(nowhere, fd)
    os.close(nowhere)
    return log_fd
