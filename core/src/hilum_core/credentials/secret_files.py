"""The files that hold keys and secrets of a config, and which of them others can read."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from hilum_core.config import PeerTls, RouterTls
from hilum_sdk.config import ConfigProblem, Secret, join_path, key_of, path_to


def secret_files(where: str, settings: Any) -> Iterator[tuple[str, Path]]:
    """The files with keys and secrets that a config value refers to, whatever it is, and their places."""
    if isinstance(settings, Secret):
        if settings.file is not None:
            yield where, settings.file
    elif attrs.has(type(settings)):
        for field in attrs.fields(type(settings)):
            value = getattr(settings, field.name)
            if field.name == "key" and isinstance(value, Path) and isinstance(settings, RouterTls | PeerTls):
                yield join_path(where, "key"), value
            yield from secret_files(join_path(where, key_of(field)), value)
    elif isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from secret_files(join_path(where, path_to(str(key))), value)
    elif isinstance(settings, tuple | list):
        for index, value in enumerate(settings):
            yield from secret_files(join_path(where, path_to(index)), value)


def readable_by_others(files: Iterable[tuple[str, Path]]) -> Iterator[ConfigProblem]:
    """Find the files that more than their owner and group may read, or more than their owner may write."""
    for where, file in files:
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except OSError:  # what needs it says so
            continue
        if mode & (stat.S_IRWXO | stat.S_IWGRP):
            yield ConfigProblem(
                where, f"{file} is open to others (mode {mode:04o}); chmod 0600, or 0640 for a group"
            )
