"""Waits until a folder holds all that was sent."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from bench.objects import BenchObject

_POLL_S = 0.01


class LateError(Exception):
    """Not everything arrived in time."""


def wait_for_files(folders: Sequence[Path], objects: Sequence[BenchObject], *, within_s: float) -> float:
    """Return when each folder holds a whole file for each object, and which moment that was.

    A file is whole when it is longer than the data set: File Meta Information stands before it.
    """
    whole_bytes = min(one.size_bytes for one in objects)
    deadline = time.perf_counter() + within_s
    landed: dict[Path, set[str]] = {folder: set() for folder in folders}
    while True:
        for folder, names in landed.items():
            if len(names) < len(objects):
                names.update(_whole_files(folder, names, whole_bytes))
        now = time.perf_counter()
        missing = sum(len(objects) - len(names) for names in landed.values())
        if missing <= 0:
            return now
        if now > deadline:
            raise LateError(
                f"{missing} files of {len(objects) * len(folders)} are missing after {within_s:g} s"
            )
        time.sleep(_POLL_S)


def _whole_files(folder: Path, known: set[str], whole_bytes: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.name not in known and _size(entry) > whole_bytes]


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # it was renamed
        return 0
