"""RECEIVE's group commit: the queue hears of what is durable without the sender waiting for it.

The answer to a sender waits for one sync, that of the object's own file. What is acknowledged and has no
row yet is safe: were this process to die, reconcile finds the file. How much of that there may be is
bounded, so that a queue that cannot be written stops reception before it can be forgotten. A queue that is
damaged is written by nobody any more; then reception goes on without, and a new queue is made of the files.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

from hilum_core.crash_points import reach
from hilum_core.log import describe_exception
from hilum_core.queue.errors import QueueDamaged, QueueUnavailable
from hilum_core.queue.store import GROUP_COMMIT_CHANGES, GROUP_COMMIT_S, QueueStore
from hilum_core.spool.records import StoredObject

MOST_WAITING = 2000
LONGEST_WAIT_S = 5.0
_FIRST_RETRY_S = 0.05
_LONGEST_RETRY_S = 1.0


class GroupCommit:
    """Inserts objects as `received`, in groups of at most 20 ms or 512 objects, on a thread of its own.

    Parameters
    ----------
    queue_factory
        Opens the queue; called on the thread, again after a defect.
    on_commit
        Called after each commit, on the thread; must not raise.
    on_trouble
        Called with the reason when a commit fails, once as long as the reason stays the same. The
        commit is tried on, for as long as it takes, unless the queue is damaged.
    """

    def __init__(
        self,
        queue_factory: Callable[[], QueueStore],
        on_commit: Callable[[], object],
        on_trouble: Callable[[str], object] = lambda _text: None,
        *,
        most_waiting: int = MOST_WAITING,
        longest_wait_s: float = LONGEST_WAIT_S,
    ) -> None:
        self._queue_factory = queue_factory
        self._on_commit = on_commit
        self._on_trouble = on_trouble
        self._most_waiting = most_waiting
        self._longest_wait_s = longest_wait_s
        self._waiting: deque[tuple[float, StoredObject]] = deque()
        self._changed = threading.Condition()
        self._stop_at: float | None = None
        self._queue: QueueStore | None = None
        self._reported = ""
        self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
        self._thread.start()

    def submit(self, stored: StoredObject) -> None:
        """Hand over an object that is on stable storage. Any thread may; never waits."""
        with self._changed:
            self._waiting.append((time.monotonic(), stored))
            if len(self._waiting) in (1, GROUP_COMMIT_CHANGES):
                self._changed.notify_all()

    def wait_for_room(self, timeout_s: float) -> bool:
        """Wait until another object may be acknowledged; False if that took too long.

        There is no room while 2,000 objects, or one for longer than 5 s, have no row.
        """
        with self._changed:
            return self._changed.wait_for(self._has_room, timeout_s)

    def close(self, timeout_s: float = 10.0) -> int:
        """Commit what waits and stop.

        Returns
        -------
        How many objects could not be committed in time: their files are found by the next reconcile.
        """
        with self._changed:
            self._stop_at = time.monotonic() + timeout_s
            self._changed.notify_all()
        self._thread.join(timeout_s + _LONGEST_RETRY_S)
        return len(self._waiting)

    def _has_room(self) -> bool:
        if not self._waiting:
            return True
        oldest_s = time.monotonic() - self._waiting[0][0]
        return len(self._waiting) < self._most_waiting and oldest_s < self._longest_wait_s

    def _run(self) -> None:
        while group := self._next_group():
            if not self._commit(group):
                break
            with self._changed:
                for _ in group:
                    self._waiting.popleft()
                self._changed.notify_all()
            self._on_commit()
        self._drop_queue()

    def _next_group(self) -> list[StoredObject]:
        """Wait for objects, then for as many as come within the time of a group; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stop_at is not None)
            if self._waiting:
                left_s = self._waiting[0][0] + GROUP_COMMIT_S - time.monotonic()
                self._changed.wait_for(
                    lambda: len(self._waiting) >= GROUP_COMMIT_CHANGES or self._stop_at is not None,
                    max(0.0, left_s),
                )
            return [stored for _, stored in islice(self._waiting, GROUP_COMMIT_CHANGES)]

    def _commit(self, group: list[StoredObject]) -> bool:
        """Commit a group, however often it takes; False if it is time to stop."""
        pause_s = _FIRST_RETRY_S
        while True:
            try:
                if self._queue is None:
                    self._queue = self._queue_factory()
                reach("receive.inserting")
                self._queue.add_objects(group)
                reach("receive.inserted")
            except QueueDamaged as error:
                self._report(error.message)
                self._drop_queue()
                return True  # waiting mends nothing; a new queue is made of the files
            except QueueUnavailable as error:
                self._report(error.message)  # the connection stays: it knows of a sync that failed
            except Exception as error:  # noqa: BLE001 - were this thread to end, reception would stop
                self._report(describe_exception(error))
                self._drop_queue()
            else:
                self._reported = ""
                return True
            if not self._pause(pause_s):
                return False
            pause_s = min(2 * pause_s, _LONGEST_RETRY_S)

    def _pause(self, pause_s: float) -> bool:
        """Wait before another try; False if there is no time for one."""
        with self._changed:
            self._changed.wait(pause_s)
            return self._stop_at is None or time.monotonic() < self._stop_at

    def _report(self, text: str) -> None:
        if text != self._reported:
            self._reported = text
            self._on_trouble(text)

    def _drop_queue(self) -> None:
        if self._queue is not None:
            queue, self._queue = self._queue, None
            with suppress(Exception):  # it is given up whatever it says
                queue.close()
