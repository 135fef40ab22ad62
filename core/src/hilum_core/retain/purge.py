"""Purge in three steps: say so (synced), unlink, say that it is done."""

from __future__ import annotations

from datetime import datetime, timedelta

from hilum_core.queue import QueueStore
from hilum_core.spool import Spool

BATCH = 500


def purge(queue: QueueStore, spool: Spool, *, keep_settled: timedelta, now: datetime) -> int:
    """Remove the bytes of at most `BATCH` objects that were settled before `keep_settled` ago.

    What a run left half done is finished first. Rows and ledger stay, for the retention of records.

    Returns
    -------
    How many objects were purged; `BATCH` means that there may be more.
    """
    object_ids = queue.start_purge(now - keep_settled, BATCH)
    if object_ids:
        spool.remove(object_ids)
        queue.finish_purge(object_ids)
    return len(object_ids)
