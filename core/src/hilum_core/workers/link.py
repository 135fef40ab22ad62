"""The coordinator's side of one worker: starts it, feeds it, watches its clock, starts it again.

``in_hand`` holds what was pushed and not yet answered for, oldest first; ``begun`` names those that
the worker said it began. Both belong to the coordinator's decision when the worker is gone. That it is
gone shows at its pidfd, not at its pipe: a child that a plugin left behind may hold that open.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
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
_TAKES_WITHIN_S = 5.0
"""How long it may take nothing of what it is sent, though what the pipe holds is still unread."""

CAME_TO_ITS_END = "came to its end"
"""How a worker ended that wants to be started afresh."""

_log = get_logger("workers")
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
        self,
        module: str,
        label: str,
        stage: StageArguments | WorkerArguments,
        *,
        memory_bytes: int,
        call_limit_s: float,
        takes_files: bool = False,
    ) -> None:
        self.label = label
        self.blame = label
        """Whose fault its death is: distribution and version of its plugin, where it has told."""
        self.at = ""
        """The component in whose code it is, with distribution and version, where it has told."""
        self.in_hand: dict[str, Claimed] = {}
        self.begun: set[str] = set()
        self.hello: Message | None = None
        self.emptied_at = -1
        """The coordinator's `news` when a claim for this worker came up short: until more, ask no more."""
        self._module = module
        self._stage = stage
        self._memory_bytes = memory_bytes
        self._takes_files = takes_files
        self._kill_after_s = call_limit_s * 1.25 + _GRACE_S
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Pipe | None = None
        self._pidfd = -1
        self._silent_since = 0.0
        self._is_killed = False
        self._has_hung_up = False
        self._does_not_listen = False
        self._clock = RestartClock()
        self._was_of_use = False

    # ---- its life

    @property
    def ready(self) -> bool:
        """Whether it runs and has said hello."""
        return self.talking and self.hello is not None and not self._is_killed

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def talking(self) -> bool:
        """Whether there is a process that may still say something."""
        return self._process is not None and not self._has_hung_up

    def start_if_due(self) -> None:
        """Start the process if there is none and its time to rest is over.

        Where the system has no descriptor, memory or process left for it, it rests again.
        """
        if self._process is not None or self._clock.due_in():
            return
        self._clock.started()
        try:
            self._start()
        except OSError as error:
            self._clock.ended()
            _log.error("a worker cannot be started yet", worker=self.label, reason=error.strerror)

    def _start(self) -> None:
        ours, theirs = socket_pair()
        seconds, rest = divmod(_TAKES_WITHIN_S, 1)
        ours.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", int(seconds), int(rest * 1e6))
        )
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
        with theirs, ExitStack() as unless_it_starts:
            unless_it_starts.enter_context(ours)
            process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
                [sys.executable, "-m", self._module, *command_line(arguments)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,
            )
            unless_it_starts.callback(process.wait)
            unless_it_starts.callback(process.kill)
            self._pidfd = os.pidfd_open(process.pid)
            unless_it_starts.pop_all()
        self._process = process
        self._pipe = Pipe(ours, takes_files=self._takes_files)
        self._silent_since = time.monotonic()
        self.at = ""

    def restart_due_in(self) -> float | None:
        """Seconds until `start_if_due` will start it; None while it runs."""
        return None if self._process is not None else self._clock.due_in()

    def overdue(self) -> bool:
        """Whether it has been at work, or starting, for too long without a word."""
        if self._process is None or self._is_killed:
            return False
        if self._does_not_listen:
            return True
        silent_s = time.monotonic() - self._silent_since
        if self._has_hung_up:
            return silent_s > _LAST_BREATH_S
        if self.hello is None:
            return silent_s > _START_LIMIT_S
        # We may have been kept from listening ourselves: what waits to be heard is a word, too.
        return self.owes_an_answer and silent_s > self._kill_after_s and not self.has_said_more()

    @property
    def owes_an_answer(self) -> bool:
        """Whether there is anything that it has to say something about."""
        return bool(self.in_hand)

    def kill(self) -> None:
        """End the process at once; that it is gone shows at `ending`."""
        if self._process is not None:
            self._is_killed = True
            # Not by `Popen.kill`, which clears a process away that has died by itself: that is for `retire`.
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def retire(self) -> str:
        """Clear up after a process that has ended, set the time of the next start; say how it ended.

        What it had in hand is the caller's to settle before the next start.
        """
        assert self._process is not None
        assert self._pipe is not None
        self._pipe.close()
        # While it is not reaped its number, which is that of its group, is nobody else's.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # what it started and left behind
        code = self._process.wait()
        os.close(self._pidfd)
        self._clock.ended(was_of_use=self._was_of_use)
        self._was_of_use = self._is_killed = self._has_hung_up = self._does_not_listen = False
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

    @property
    def ending(self) -> int:
        """A descriptor that is readable when the process has ended, for `select`."""
        return self._pidfd

    def push(self, claimed: Sequence[tuple[str, Claimed, Message]], files: Sequence[int] = ()) -> None:
        """Hand it items: (id, what was claimed, what the worker must know besides), and open files."""
        if not claimed:
            return
        self._expect_an_answer()
        self.in_hand.update((item_id, item) for item_id, item, _ in claimed)
        self.send(
            {"items": [{"id": item_id, "claimed": pack(item), **more} for item_id, item, more in claimed]},
            files,
        )

    def _expect_an_answer(self) -> None:
        if not self.owes_an_answer:
            self._silent_since = time.monotonic()

    def send(self, message: Message, files: Sequence[int] = ()) -> None:
        """Send it something. That it is gone shows at `receive`; one that takes nothing is `overdue`."""
        assert self._pipe is not None
        try:
            self._pipe.send(message, files)
        except PipeClosed as closed:
            self._does_not_listen |= isinstance(closed.__cause__, BlockingIOError)

    def take_files(self, count: int) -> list[int]:
        """The open files that came with a message; the caller closes them."""
        assert self._pipe is not None
        return self._pipe.take_files(count)

    def hear_no_more(self) -> None:
        """Let what it has said by now be all: a child that it left behind may go on without end."""
        assert self._pipe is not None
        self._pipe.take_no_more()

    def has_said_more(self) -> bool:
        """Whether `receive` would find something at once."""
        return bool(select.select([self.fileno()], [], [], 0)[0])

    def receive(self) -> Sequence[Message]:
        """What it has said; nothing once it has hung up. Keeps `begun` and `hello`."""
        assert self._pipe is not None
        self._silent_since = time.monotonic()
        try:
            messages = self._pipe.receive_all()
        except PipeClosed:
            self._has_hung_up = True
            return ()
        for message in messages:
            self._note(message)
        return messages

    def _note(self, message: Message) -> None:
        match message:
            case {"begin": str(item_id)}:
                self.begun.add(item_id)
                self.at = ""
            case {"at": str(component)}:
                self.at = component
            case {"aside": str(item_id)}:
                self.begun.discard(item_id)
            case {"done": str(item_id)}:
                self.begun.discard(item_id)
                self._was_of_use = True
            case {"hello": dict(hello)}:
                self.hello = hello
                self.blame = str(hello.get("blame", self.label))


def crew(
    module: str, name: str, count: int, stage: StageArguments, *, memory_bytes: int, call_limit_s: float
) -> list[WorkerLink[Claimed]]:
    """Several workers that do the same, called ``name-1`` and so on."""
    return [
        WorkerLink(module, f"{name}-{number}", stage, memory_bytes=memory_bytes, call_limit_s=call_limit_s)
        for number in range(1, count + 1)
    ]
