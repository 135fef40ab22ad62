"""Forgetting records: a pass over rows and ledger every hour, one short transaction at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

from hilum_core.queue import QueueStore
from hilum_core.retain.shown import Span

BATCH = 200
"""So many rows are looked at while other writers wait: some tens of milliseconds."""

_EVERY_S = 3600.0


class RecordKeeper:
    """Keeps the records of a queue for a time, and removes what is older.

    Parameters
    ----------
    keep
        How long; None: for ever.
    """

    def __init__(
        self, queue: QueueStore, keep: timedelta | None, elapsed_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._keep = keep
        self._elapsed_s = elapsed_s
        self._due_s = elapsed_s()
        self._pass: Iterator[int] | None = None

    def go_on(self, within: Callable[[timedelta], Span]) -> int | None:
        """Take one step of a pass, if one is due or under way.

        Parameters
        ----------
        within
            The times that the clock has shown within so much work.

        Returns
        -------
        How many records the step removed; None where there is nothing to do for now.
        """
        if self._keep is None:
            return None
        if self._pass is None:
            if self._elapsed_s() < self._due_s:
                return None
            self._pass = forget(self._queue, within(self._keep))
        removed = next(self._pass, None)
        if removed is None:
            self._pass = None
            # Who keeps records for seconds only expects them to go after seconds.
            self._due_s = self._elapsed_s() + min(_EVERY_S, self._keep.total_seconds())
        return removed


def forget(queue: QueueStore, keep: Span) -> Iterator[int]:
    """Remove the records of none of the times to keep; each step is a transaction, and says how many."""
    for step in (queue.forget_objects, queue.forget_lines):
        after: int | None = 0
        while after is not None:
            done = step(keep.first, keep.last, after=after, limit=BATCH)
            yield done.number
            after = done.go_on_after
