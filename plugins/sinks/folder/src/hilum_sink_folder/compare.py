"""Whether a file that is there already holds the same object."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hilum_sdk import Item
from hilum_sdk.elements import holds_same_object


def file_holds_same_object(path: Path, item: Item) -> bool:
    """Compare a file with an object; False for what is no file. Raises OSError if it cannot be read."""
    try:
        # Not to wait for the other end of a pipe that somebody has put there.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:  # a link that leads nowhere
        return False
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return False
    with open(handle, "rb") as there:  # noqa: PTH123 - a descriptor
        return holds_same_object(there, item)
