"""How long what fails is tried again: the same rules for routing, rendering and delivering."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from hilum_core.queue.records import Failure
from hilum_core.workers.backoff import backoff
from hilum_core.workers.failures import DEFECT, LONGEST_RETRY_AFTER, PERMANENT, TIME_LIMIT

MOST_CRASHES = 5
MOST_DEFECTS = 10


@attrs.frozen(kw_only=True)
class Patience:
    """When to try again, and when no more.

    What may mend itself is tried for ``give_up_after``; a defect of a plugin, which mends only with a
    new version, ten times.
    """

    first_retry: timedelta
    longest_retry: timedelta = timedelta(minutes=15)
    give_up_after: timedelta = timedelta(days=14)

    def is_exhausted(self, failure: Failure, *, attempt: int, since: datetime, now: datetime) -> bool:
        """Whether the `attempt`-th failure, the first having been at `since`, is the last."""
        if failure.kind == PERMANENT or now - since > self.give_up_after:
            return True
        return failure.kind in {DEFECT, TIME_LIMIT} and attempt >= MOST_DEFECTS

    def wait(self, attempt: int, retry_after: timedelta | None = None) -> timedelta:
        """How long to wait after the `attempt`-th failure; the plugin may say so itself, within reason."""
        if retry_after is not None:
            return min(max(retry_after, self.first_retry), LONGEST_RETRY_AFTER)
        return backoff(attempt, first=self.first_retry, longest=self.longest_retry)


def is_poison(crashes: int) -> bool:
    """Whether something that has `crashes` deaths behind it has just had one too many."""
    return crashes + 1 >= MOST_CRASHES
