"""Writes the file of a rendering: beside its place, so that who reads an earlier one is not disturbed."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hilum_core.crash_points import reach
from hilum_sdk.elements import FileDraft, minimal_file_meta

_SYNC_EVERY = 64 << 20


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Where to write what shall replace `target`; unless it does, it is gone at the end."""
    path = target.with_name(f"{target.name}.new")
    try:
        yield path
    finally:
        with suppress(OSError):
            path.unlink()


def write_rendering(draft: FileDraft, path: Path, *, alive: Callable[[], None]) -> int:
    """Write what a chain made as a file, on stable storage when this returns the data set's length.

    ``alive`` is called again and again meanwhile: no time limit bounds our own work.
    """
    meta = minimal_file_meta(
        sop_class_uid=draft.sop_class_uid,
        sop_instance_uid=draft.sop_instance_uid,
        transfer_syntax_uid=draft.transfer_syntax_uid,
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("wb", buffering=0) as file:
        file.write(meta)
        progress = _Progress(file, alive)
        length = draft.write_data_set(file, written=progress)
        progress.sync()
    return length


class _Progress:
    """Syncs a file as it is written, and says that work goes on.

    One sync of a gigabyte at the end would be silent for long, and would hold up the syncs of RECEIVE.
    """

    def __init__(self, file: io.FileIO, alive: Callable[[], None]) -> None:
        self._file = file
        self._alive = alive
        self._unsynced = 0

    def __call__(self, count: int) -> None:
        """Take note of bytes that were written."""
        reach("render.worker.writing")
        self._unsynced += count
        if self._unsynced >= _SYNC_EVERY:
            self.sync()
        self._alive()

    def sync(self) -> None:
        """Bring what was written to stable storage."""
        os.fdatasync(self._file.fileno())
        self._unsynced = 0
