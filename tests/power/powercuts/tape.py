"""The tape of a disk: every write and every flush that reached it, in order.

A place on the tape is a moment: what a sender was told when the tape was that long, a power cut at that
place or later must not undo.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterator
from pathlib import Path

import attrs

_HEAD = struct.Struct("<cQI")
_WRITE, _FLUSH = b"W", b"F"


@attrs.frozen
class Write:
    """Some bytes that were written at an offset of the disk; they may be lost until the next flush."""

    offset: int
    data: memoryview


class Flush:
    """All that was written before is on stable storage."""


class TapeWriter:
    """Appends to a tape. Unbuffered: its length is the present moment, for everybody who asks."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def write(self, offset: int, data: bytes) -> None:
        """Note a write."""
        head = _HEAD.pack(_WRITE, offset, len(data))
        written = os.writev(self._descriptor, [head, data])
        assert written == len(head) + len(data), "no room for the tape"

    def flush(self) -> None:
        """Note a flush."""
        os.write(self._descriptor, _HEAD.pack(_FLUSH, 0, 0))


def now(path: Path) -> int:
    """The present moment, while the tape is being written."""
    return path.stat().st_size


class Tape:
    """A tape to read; only what was whole at the time is seen."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._data = memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))

    def __len__(self) -> int:
        return len(self._data)

    def records(self, start: int, end: int) -> Iterator[tuple[int, Write | Flush]]:
        """Each record between two moments, with the moment at which it ends. `start` is such a moment."""
        while start + _HEAD.size <= end:
            kind, offset, length = _HEAD.unpack_from(self._data, start)
            data_at = start + _HEAD.size
            start = data_at + length
            if start > end:
                return
            yield start, Flush() if kind == _FLUSH else Write(offset, self._data[data_at:start])
