"""The coordinator's side of one worker: starts it, feeds it, watches its clock, starts it again.

``in_hand`` holds what was pushed and not yet answered for, oldest first; ``begun`` names those that
the worker said it began. Both belong to the coordinator's decision when the worker is gone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Generic, TypeVar

from hilum_core.arguments import command_line
from hilum_core.log import get_logger
from hilum_core.restarts import RestartClock
from hilum_core.stage import StageArguments
from hilum_core.workers.arguments import WorkerArguments
from hilum_core.workers.pipe import Message, Pipe, PipeClosed, socket_pair
from hilum_core.workers.wire import pack

_START_LIMIT_S = 60.0
_GRACE_S = 5.0
_LAST_BREATH_S = 0.5

CAME_TO_ITS_END = "came to its end"
"""How a worker ended that wants to be started afresh."""

Claimed = TypeVar("Claimed")


class WorkerLink(Generic[Claimed]):
    """One worker process, across its deaths.

    Parameters
    ----------
    module
        The module to run, such as ``hilum_core.route.worker``.
    call_limit_s
        How long the worker may be at work without a word; it interrupts itself at that time, and is
        killed somewhat later if that did not help.
    """

    def __init__(
        self, module: str, label: str, stage: StageArguments, *, memory_bytes: int, call_limit_s: float
    ) -> None:
        self.label = label
        self.blame = label
        """Whose fault its death is: distribution and version of its plugin, where it has told."""
        self.in_hand: dict[str, Claimed] = {}
        self.begun: set[str] = set()
        self.hello: Message | None = None
        self.emptied_at = -1
        """The coordinator's `news` when a claim for this worker came up short: until more, ask no more."""
        self._module = module
        self._stage = stage
        self._memory_bytes = memory_bytes
        self._kill_after_s = call_limit_s * 1.25 + _GRACE_S
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Pipe | None = None
        self._heard_at = 0.0
        self._clock = RestartClock()
        self._was_of_use = False
        self._log = get_logger("workers")

    # ---- its life

    @property
    def ready(self) -> bool:
        """Whether it runs and has said hello."""
        return self._pipe is not None and self.hello is not None

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    def start_if_due(self) -> None:
        """Start the process if there is none and its time to rest is over."""
        if self._process is not None or self._clock.due_in():
            return
        ours, theirs = socket_pair()
        arguments = WorkerArguments(
            state_dir=self._stage.state_dir,
            revision=self._stage.revision,
            pipe_fd=theirs.fileno(),
            parent_pid=os.getpid(),
            label=self.label,
            memory_bytes=self._memory_bytes,
            log_format=self._stage.log_format,
            log_level=self._stage.log_level,
        )
        self._process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
            [sys.executable, "-m", self._module, *command_line(arguments)],
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), self._stage.lock_fd),
        )
        theirs.close()
        self._pipe = Pipe(ours)
        self._clock.started()
        self._heard_at = time.monotonic()

    def restart_due_in(self) -> float | None:
        """Seconds until `start_if_due` will start it; None while it runs."""
        return None if self._process is not None else self._clock.due_in()

    def overdue(self) -> bool:
        """Whether it has been at work, or starting, for too long without a word."""
        if self._process is None:
            return False
        silent_s = time.monotonic() - self._heard_at
        if self.hello is None:
            return silent_s > _START_LIMIT_S
        return bool(self.begun) and silent_s > self._kill_after_s

    def kill(self) -> None:
        """End the process at once; `receive` then tells that it is gone."""
        if self._process is not None:
            self._process.kill()

    def retire(self) -> str:
        """Clear up after a process that is gone, set the time of the next start; say how it ended.

        What it had in hand is the caller's to settle before the next start.
        """
        assert self._process is not None
        if self._pipe is not None:
            self._pipe.close()
        try:
            code = self._process.wait(_LAST_BREATH_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its pipe is closed: whatever it still does leads nowhere
            code = self._process.wait()
        self._clock.ended(was_of_use=self._was_of_use)
        self._was_of_use = False
        self._process = self._pipe = self.hello = None
        self.begun.clear()
        if code == 0:
            return CAME_TO_ITS_END
        return f"killed by signal {-code}" if code < 0 else f"exit status {code}"

    # ---- its work

    def fileno(self) -> int:
        """The pipe, for `select`."""
        assert self._pipe is not None
        return self._pipe.fileno()

    def push(self, claimed: Sequence[tuple[str, Claimed, Message]]) -> None:
        """Hand it items: (id, what was claimed, what the worker must know besides)."""
        if not claimed:
            return
        self.in_hand.update((item_id, item) for item_id, item, _ in claimed)
        self.send(
            {"items": [{"id": item_id, "claimed": pack(item), **more} for item_id, item, more in claimed]}
        )

    def send(self, message: Message) -> None:
        """Send it something; that it is gone shows at `receive`."""
        assert self._pipe is not None
        try:
            self._pipe.send(message)
        except PipeClosed:
            return

    def receive(self) -> list[Message] | None:
        """What it has said; None when it is gone (then call `retire`). Keeps `begun` and `hello`."""
        assert self._pipe is not None
        try:
            messages = self._pipe.receive_all()
        except PipeClosed:
            return None
        self._heard_at = time.monotonic()
        for message in messages:
            if "begin" in message:
                self.begun.add(message["begin"])
            elif "done" in message:
                self.begun.discard(message["done"])
                self._was_of_use = True
            elif "hello" in message:
                self.hello = message["hello"]
                self.blame = message["hello"].get("blame", self.label)
        return messages


def crew(
    module: str, name: str, count: int, stage: StageArguments, *, memory_bytes: int, call_limit_s: float
) -> list[WorkerLink[Claimed]]:
    """Several workers that do the same, called ``name-1`` and so on."""
    return [
        WorkerLink(module, f"{name}-{number}", stage, memory_bytes=memory_bytes, call_limit_s=call_limit_s)
        for number in range(1, count + 1)
    ]
