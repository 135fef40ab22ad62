"""In the background of a receive process: the queue hears of what dead ones made durable and did not tell.

Looked for when the process starts, and again when another receive process dies that was alive at the last
look: after a reload the old ones go on for a while, beside those that have already looked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from hilum_core.incarnation import live_incarnations
from hilum_core.log import describe_exception, get_logger
from hilum_core.queue import QueueDamaged, QueueStore, reconcile
from hilum_core.spool import Spool
from hilum_core.stage import StopSignal

_EVERY_S = 5.0
_log = get_logger("receive")


def start_reconciling(
    spool: Spool,
    queue_factory: Callable[[], QueueStore],
    *,
    on_found: Callable[[], object],
    stopping: StopSignal,
    every_s: float = _EVERY_S,
) -> threading.Thread:
    """Look now, on a thread of its own, and every `every_s` see whether to look again."""

    def work() -> None:
        alive: set[int] | None = None
        while not stopping():
            with suppress(OSError):  # no descriptor is left for the look: the next one will do
                now = live_incarnations(spool.root, "receive")
                # Who died since the last look may have left something; who came since looks for itself.
                if alive is None or alive - now:
                    alive = now if _look(spool, queue_factory, on_found) else None
            stopping.wait(every_s)

    thread = threading.Thread(target=work, name="reconcile", daemon=True)
    thread.start()
    return thread


def _look(spool: Spool, queue_factory: Callable[[], QueueStore], on_found: Callable[[], object]) -> bool:
    """Reconcile once; False if it has to be tried again."""
    try:
        queue = queue_factory()
        try:
            found = reconcile(spool, queue)
        finally:
            queue.close()
    except QueueDamaged as error:  # a new queue is made while no router runs, and looked at by the next one
        _log.error("cannot reconcile spool and queue", reason=error.message)
        return True
    except Exception as error:  # noqa: BLE001 - reception goes on; what was found stays on disk
        _log.error("cannot reconcile spool and queue yet", reason=describe_exception(error))
        return False
    if found.is_anything:
        _log.warning("reconciled the spool with the queue", **found.fields())
        on_found()
    return True
