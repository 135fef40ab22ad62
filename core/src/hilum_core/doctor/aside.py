"""A queue that is not used any more is moved aside, and kept for as long as people want."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from hilum_core.incarnation import PRIVATE_DIR
from hilum_core.queue import QUEUE_FILE
from hilum_core.spool.layout import sync_folder

ASIDE = "aside"
"""The folder of the state directory for what was moved away; nothing reads it."""


def move_aside(state_dir: Path, *patterns: str) -> Path | None:
    """Move what has these names away; the folder that it is in now, None if there is nothing of them."""
    found = sorted(path for pattern in patterns for path in state_dir.glob(pattern))
    if not found:
        return None
    folder = state_dir / ASIDE / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    folder.mkdir(mode=PRIVATE_DIR, parents=True)
    for path in found:
        path.rename(folder / path.name)
    sync_folder(folder)
    sync_folder(state_dir)
    return folder


def put_in_place(made: Path, state_dir: Path) -> None:
    """Give a queue that was made beside its name."""
    made.rename(state_dir / QUEUE_FILE)
    sync_folder(state_dir)
