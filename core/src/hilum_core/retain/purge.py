"""Purge in three steps: say so (synced), unlink, say that it is done."""

from __future__ import annotations

from datetime import datetime, timedelta

from hilum_core.crash_points import reach
from hilum_core.log import describe_exception, get_logger
from hilum_core.queue import QueueStore
from hilum_core.retain.shown import Span
from hilum_core.spool import Spool

BATCH = 500
AGAIN_AFTER = timedelta(hours=1)
PROBLEM = "retain"

_log = get_logger("retain")


def purge(queue: QueueStore, spool: Spool, *, keep: Span, now: datetime) -> int:
    """Remove the bytes of at most `BATCH` objects that were settled at none of the times to keep.

    What a run left half done is finished first. Rows and ledger stay, see `forget`. An object
    that cannot be removed is tried again after an hour, and a problem until then.

    Returns
    -------
    How many objects were purged; `BATCH` means that there may be more.
    """
    object_ids = queue.start_purge(keep.first, BATCH, settled_after=keep.last)
    if object_ids:
        reach("purge.marked")
    failures = spool.remove(object_ids)
    for object_id, error in failures.items():
        _log.error("cannot remove a settled object", object=object_id, reason=describe_exception(error))
    purged = [object_id for object_id in object_ids if object_id not in failures]
    if purged:
        reach("purge.removed")
        queue.finish_purge(purged)
        reach("purge.stored")
    if failures:
        queue.defer_purge(list(failures), now + AGAIN_AFTER)
    queue.set_problem(PROBLEM, _problem(queue.count_deferred_purges()))
    return len(purged)


def _problem(deferred: int) -> str:
    if not deferred:
        return ""
    return (
        f"settled objects that cannot be removed: {deferred}; `hilum queue list --state purging` names them, "
        f"the log says why; look at the disk and at who owns the files"
    )
