"""The process of RETAIN: `python -m hilum_core.retain`."""

from __future__ import annotations

import sys

from hilum_core.clock import SystemClock
from hilum_core.config import load_reception
from hilum_core.log import get_logger
from hilum_core.queue import MarkKeeper, QueueUnavailable
from hilum_core.retain.forget import RecordKeeper
from hilum_core.retain.purge import BATCH, purge
from hilum_core.retain.shown import SHOWN_TIMES_FILE, ShownTimes
from hilum_core.revisions import read
from hilum_core.spool import BALLAST_FILE, Ballast
from hilum_core.stage import open_stage, run_stage, start

_EVERY_S = 10.0
_AT_LEAST_S = 0.2


def main() -> None:
    """Run until told to stop."""
    arguments, stopping = start(sys.argv[1:], stage="retain")
    settings = load_reception(read(arguments.state_dir, arguments.revision), source="revision").router
    log = get_logger("retain")
    # Who keeps objects for seconds only expects the disk to be free after seconds.
    every_s = max(_AT_LEAST_S, min(_EVERY_S, settings.keep_settled.total_seconds()))
    ballast = Ballast(arguments.state_dir / BALLAST_FILE)
    clock = SystemClock()
    shown = ShownTimes.read(arguments.state_dir / SHOWN_TIMES_FILE, clock.now())
    with open_stage(arguments, "retain", clock) as (queue, spool, _doorbell):
        marks = MarkKeeper(arguments.state_dir, queue)
        records = RecordKeeper(queue, settings.keep_records)
        while not stopping():
            ballast.ensure()
            now = clock.now()
            shown.note(now)
            try:
                purged = purge(queue, spool, keep=shown.within(settings.keep_settled), now=now)
                forgotten = records.go_on(shown.within)
                marks.keep_if_due()
            except QueueUnavailable as error:
                log.error("the queue cannot be used, trying on", reason=error.message)
                purged, forgotten = 0, None
            if purged:
                log.info("purged settled objects", objects=purged)
            if forgotten:
                log.info("removed old records", records=forgotten)
            is_more = purged == BATCH or forgotten is not None
            stopping.wait(_AT_LEAST_S if is_more else every_s)
        marks.keep()


if __name__ == "__main__":
    run_stage(main)
