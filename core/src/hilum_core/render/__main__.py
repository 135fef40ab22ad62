"""The process of RENDER's coordinator: `python -m hilum_core.render`."""

from __future__ import annotations

import sys

from hilum_core.clock import SteadyClock
from hilum_core.config import load_reception
from hilum_core.render.coordinator import RenderCoordinator
from hilum_core.revisions import read
from hilum_core.stage import open_stage, run_stage, start


def main() -> None:
    """Run until told to stop."""
    arguments, stopping = start(sys.argv[1:], stage="render")
    settings = load_reception(read(arguments.state_dir, arguments.revision), source="revision").router
    clock = SteadyClock()
    with open_stage(arguments, "render", clock) as (queue, spool, doorbell):
        RenderCoordinator(queue, spool, settings, arguments, stopping, clock=clock).run(doorbell)


if __name__ == "__main__":
    run_stage(main)
