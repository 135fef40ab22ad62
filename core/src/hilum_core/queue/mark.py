"""The last mark of the queue, kept outside it: what tells a queue from an older copy of itself.

It is written after the queue's own mark is durable, so it is never ahead of the queue that belongs here,
whenever the power goes.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from hilum_core.incarnation import PRIVATE_FILE
from hilum_core.queue.store import QueueStore

MARK_FILE = "queue.mark"
"""Its name in the state directory."""

_EVERY_S = 10.0


def read_mark(state_dir: Path) -> int:
    """The number of the last mark; 0 where there is none, or none that can be read."""
    try:
        text = (state_dir / MARK_FILE).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdecimal() else 0


def write_mark(state_dir: Path, number: int) -> None:
    """Keep a mark that the queue has. Raises `OSError`; what was kept before is kept then."""
    beside = state_dir / f"{MARK_FILE}.new"
    descriptor = os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        os.write(descriptor, f"{number}\n".encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    beside.replace(state_dir / MARK_FILE)


class MarkKeeper:
    """Marks the queue of a running router every ten seconds, if anything has happened in it.

    A copy that is put back is noticed unless it was made since the last mark.
    """

    def __init__(self, state_dir: Path, queue: QueueStore) -> None:
        self._state_dir = state_dir
        self._queue = queue
        self._due_at = time.monotonic() + _EVERY_S

    def keep_if_due(self) -> None:
        """Mark, if it is time to."""
        if time.monotonic() >= self._due_at:
            self._due_at = time.monotonic() + _EVERY_S
            self.keep()

    def keep(self) -> None:
        """Mark now. A mark that the disk does not take is left out: then the one before stands."""
        if self._queue.needs_mark():
            number = self._queue.advance_mark()
            with suppress(OSError):
                write_mark(self._state_dir, number)


def is_behind(state_dir: Path, queue: QueueStore) -> bool:
    """Whether the queue is older than its state directory."""
    kept = read_mark(state_dir)  # first: the queue's own is always the greater, also while both grow
    return queue.last_mark() < kept
