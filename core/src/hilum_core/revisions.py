"""Accepted configs, each kept for good under a number: stages read these, never the file people edit."""

from __future__ import annotations

import os
from pathlib import Path

from hilum_core.crash_points import reach
from hilum_core.filesystem import make_durable

_FOLDER = "config"


def accept(state_dir: Path, text: str) -> int:
    """Keep a config and return its number; the same text as the newest one keeps that number."""
    folder = state_dir / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    newest = latest(state_dir)
    if newest and read(state_dir, newest) == text:
        return newest
    target = _path(state_dir, newest + 1)
    beside = target.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    reach("config.written")
    beside.replace(target)
    make_durable(folder)
    return newest + 1


def latest(state_dir: Path) -> int:
    """The number of the newest revision; 0 if there is none."""
    numbers = [int(path.stem) for path in (state_dir / _FOLDER).glob("*.toml") if path.stem.isdigit()]
    return max(numbers, default=0)


def read(state_dir: Path, revision: int) -> str:
    """The text of a revision."""
    return _path(state_dir, revision).read_text(encoding="utf-8")


def _path(state_dir: Path, revision: int) -> Path:
    return state_dir / _FOLDER / f"{revision:06}.toml"
