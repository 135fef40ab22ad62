"""Whether a file that is there already holds the same object."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from hilum_sdk import Item
from hilum_sdk.elements import ElementsError, read_file_meta

_CHUNK = 1 << 16


def holds_same_object(path: Path, item: Item) -> bool:
    """Compare the data sets byte by byte; File Meta Information differs with whoever wrote the file.

    False for what is no file, or no DICOM file. Raises OSError if it cannot be read.
    """
    try:
        # Not to wait for the other end of a pipe that somebody has put there.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:  # a link that leads nowhere
        return False
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return False
    with open(handle, "rb") as there:  # noqa: PTH123 - a descriptor
        try:
            meta = read_file_meta(there)
        except ElementsError:
            return False
        if meta.transfer_syntax_uid != item.transfer_syntax_uid:
            return False
        there.seek(meta.data_set_offset)
        with item.data_set() as ours:
            return _same_bytes(there, ours)


def _same_bytes(one: BinaryIO, other: BinaryIO) -> bool:
    while True:
        chunk = one.read(_CHUNK)
        if chunk != other.read(_CHUNK):
            return False
        if not chunk:
            return True
