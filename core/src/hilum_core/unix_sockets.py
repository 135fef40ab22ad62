"""The address of a Unix socket in a folder, however long the folder's path is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def address_in(folder: Path, name: str) -> Iterator[str]:
    """Give a path by way of a descriptor: an address has room for 108 bytes only."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{name}"
    finally:
        os.close(descriptor)
