"""The process of DELIVER's coordinator: `python -m hilum_core.deliver`."""

from __future__ import annotations

import sys
from functools import partial

from hilum_core.clock import SteadyClock
from hilum_core.config import load
from hilum_core.deliver.coordinator import DeliverCoordinator
from hilum_core.deliver.stranded import Stranded
from hilum_core.incarnation import live_incarnations
from hilum_core.revisions import read
from hilum_core.stage import open_stage, run_stage, start


def main() -> None:
    """Run until told to stop."""
    arguments, stopping = start(sys.argv[1:], stage="deliver")
    config, problems = load(read(arguments.state_dir, arguments.revision), source="revision")
    clock = SteadyClock()
    with open_stage(arguments, "deliver", clock) as (queue, spool, doorbell):
        routers = partial(live_incarnations, arguments.state_dir, "route")
        stranded = None if problems else Stranded(queue, config, routers)
        coordinator = DeliverCoordinator(
            queue, spool, config, arguments, stopping, clock=clock, stranded=stranded
        )
        coordinator.run(doorbell)


if __name__ == "__main__":
    run_stage(main)
