"""How ROUTE, RENDER and DELIVER claim: what is due, who is tried alone, what comes back. Pure, and SQL.

A row that may be claimed at once has `due_at` 0 and is found in order of reception; one put off has the
time it is due at. Each claim first sets what has become due to 0, a bounded number at a time. So neither
a hundred thousand waiting rows nor a hundred thousand put off are ever looked through.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from hilum_core.clock import microseconds
from hilum_core.queue.states import Move
from hilum_core.queue.store import LEASE

LEASE_US = LEASE // timedelta(microseconds=1)
ALONE_AFTER_CRASHES = 3

LONGEST_WAIT = timedelta(hours=9)
"""Nothing is put off for longer.

What is due later than this from now was put off before the clock stepped back, and is due at once: so a
step of days or years rests nothing for its size. The longest wait of a lane is 8 h (an object that its
destination refuses as such); the hour above it keeps a small step from making that due.
"""

LONGEST_WAIT_US = LONGEST_WAIT // timedelta(microseconds=1)
_END_OF_TIME = 2**63 - 1

MOST_PROMOTED = 1000
"""How many rows one claim may set due: a few milliseconds of the write lock."""


def choose(candidates: Sequence[Any], crashes: int) -> Sequence[Any]:
    """Choose from candidates, oldest first; `crashes` is the index of that column.

    One that was in hand at three deaths comes alone, when its turn as the oldest has come.
    """
    if candidates and candidates[0][crashes] >= ALONE_AFTER_CRASHES:
        return candidates[:1]
    return [row for row in candidates if row[crashes] < ALONE_AFTER_CRASHES]


def claim_sql(table: str, move: Move) -> str:
    """Take a lease; bound are the first attempt's time, owner, end of the lease, row."""
    return (
        f"UPDATE {table} SET {move.changes}, attempts = attempts + 1,"
        f" first_attempt_at = coalesce(first_attempt_at, ?), lease_owner = ?, lease_until = ?,"
        f" lease_no = lease_no + 1 WHERE seq = ? AND {move.applies}"
    )


def put_back_sql(table: str, move: Move, returning: str) -> str:
    """Give a lease back; bound as of `put_back_values`.

    An attempt that was not spent is taken off. Where none is left there was no first one either: an
    outage that spends no attempts does not use up the time to give up.
    """
    return (
        f"UPDATE {table} SET {move.changes}, due_at = ?1, attempts = attempts - ?2, crashes = crashes + ?3,"
        f" first_attempt_at = CASE WHEN attempts > ?2 THEN first_attempt_at END,"
        f" failure = coalesce(?4, failure), lease_owner = 0, lease_until = NULL"
        f" WHERE {{key}} = ?5 AND lease_owner = ?6 AND lease_no = ?7 AND {move.applies}"
        f" RETURNING {returning}"
    )


def recover_sql(table: str, move: Move, returning: str) -> str:
    """Give back the lease of a dead incarnation; bound is the row.

    The attempt stays counted, and the death counts: a coordinator may have died of what it had in hand.
    """
    return (
        f"UPDATE {table} SET {move.changes}, due_at = 0, crashes = crashes + 1, lease_owner = 0,"
        f" lease_until = NULL WHERE seq = ? AND {move.applies} RETURNING {returning}"
    )


def due(not_before: datetime, now: int) -> int:
    """The value of `due_at` for a time to wait for."""
    at = microseconds(not_before)
    return min(at, now + LONGEST_WAIT_US) if at > now else 0


def spans_due(now: int) -> Sequence[tuple[int, int]]:
    """Between which values `due_at` has come: above the first, up to the second of each pair."""
    return (0, now), (now + LONGEST_WAIT_US, _END_OF_TIME)


def time_due(due_at: int, now: int) -> int:
    """When a row may be claimed whose `due_at` is this."""
    return due_at if now < due_at <= now + LONGEST_WAIT_US else now


def is_worth_telling(attempt: int, *, crashed: bool) -> bool:
    """Whether a failed attempt gets a line in the ledger: the 1st, 2nd, 4th, 8th, …, and every crash.

    So two weeks of retries every quarter of an hour leave eleven lines, not 1344. The last failure
    always stands in the row, and a lane that rests is one line of the lane.
    """
    return crashed or attempt & (attempt - 1) == 0
