"""What a coordinator tells a worker on its command line. Loads nothing that a coordinator does without."""

from __future__ import annotations

from pathlib import Path

import attrs

from hilum_core.log import LogFormat


@attrs.frozen(kw_only=True)
class WorkerArguments:
    """``label`` is what the worker is for, such as ``sinks.pacs``; ``pipe_fd`` its end of the pipe."""

    state_dir: Path
    revision: int
    pipe_fd: int
    parent_pid: int
    label: str
    memory_bytes: int
    log_format: LogFormat = "text"
    log_level: str = "info"
