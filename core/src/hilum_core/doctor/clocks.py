"""The clock: whether it runs as the machine's own does, and what says that it stepped back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hilum_core.clock import microseconds
from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.queue import QUEUE_FILE
from hilum_core.queue.admission import newest_object
from hilum_core.queue.inspection import inspect

_LOOKS = 3
_LOOK_S = 0.1
_MOST_APART = 0.05
_MARGIN = timedelta(minutes=1)


def examine_clocks(case: Case, says: Says) -> Iterator[Finding]:
    """Compare the time of day with the monotonic clock, and with what was received last."""
    drift = min(_drift() for _ in range(_LOOKS))  # one look may be disturbed by a busy machine
    if drift > _MOST_APART:
        yield says.warn(
            f"the time of day ran {drift:.0%} off the machine's own clock",
            "see what sets the clock: chronyc, ntpq",
        )
    now = datetime.now(UTC)
    path = case.state_dir / QUEUE_FILE
    ahead = []
    if path.is_file() and path.stat().st_size:
        with inspect(path) as queue:
            newest_row = queue.newest_received_at()
        if newest_row is not None and newest_row > now + _MARGIN:
            ahead.append(f"the newest row ({newest_row:%Y-%m-%d %H:%M}Z)")
    newest_file = newest_object(case.state_dir)
    if newest_file is not None and newest_file > now + _MARGIN:
        ahead.append(f"the newest file ({newest_file:%Y-%m-%d %H:%M}Z)")
    if ahead:
        yield says.warn(
            f"it is {now:%Y-%m-%d %H:%M}Z, before {' and '.join(ahead)}",
            "set the clock; the order of objects is kept all the same",
        )
    else:
        yield says.ok(f"{now:%Y-%m-%d %H:%M:%S}Z, after all that was received")


def _drift() -> float:
    """How far the two clocks are apart over a moment, as a share of it."""
    day, own = microseconds(datetime.now(UTC)), time.monotonic()
    time.sleep(_LOOK_S)
    went = time.monotonic() - own
    return abs((microseconds(datetime.now(UTC)) - day) / 1e6 - went) / went
