"""A bounded view of encoded bytes through which everything here reads.

It holds a few KiB at a time, reads ahead while it is read in order and little after a jump, and
counts what it reads. It does not know what the bytes mean.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import BinaryIO

from hilum_sdk.elements.errors import LimitExceeded, MalformedDataSet
from hilum_sdk.elements.limits import LIMITS, Limits

ReadAt = Callable[[int, int], bytes]
"""Read at an offset at most so many bytes; fewer, or none, only at the end."""

UNKNOWN_SIZE = 1 << 62

_FIRST_READ = 16 << 10  # holds the header of most images
_AFTER_JUMP = 512
_MOST_AHEAD = 64 << 10


class Window:
    """The bytes of a data set, from offset 0 on.

    Attributes
    ----------
    size
        Where the bytes end, or `UNKNOWN_SIZE` of what is inflated as it is read.
    data, start
        The bytes at hand and the offset of the first; for loops that cannot afford a call.
    """

    __slots__ = ("_ahead", "_left", "_read_at", "data", "limits", "size", "start")

    def __init__(self, read_at: ReadAt, size: int, limits: Limits = LIMITS) -> None:
        self._read_at = read_at
        self.size = size
        self.limits = limits
        self.data = b""
        self.start = 0
        self._ahead = _FIRST_READ
        self._left = limits.bytes_read

    def fill(self, offset: int, count: int) -> int:
        """Get `count` bytes from `offset` on into `data`; say how many there are, fewer at the end."""
        index = offset - self.start
        have = len(self.data) - index
        if index >= 0 and have >= count:
            return count
        if index >= 0 and have > 0:
            self._read_on(index, count - have)
        else:
            # Right behind what is at hand is in order too; anything else is a jump.
            self._ahead = self._ahead if have == 0 else _AFTER_JUMP
            self.start, self.data = offset, b""
            self._read_on(0, count)
        return min(count, len(self.data))

    def index(self, offset: int, count: int) -> int:
        """Get `count` bytes into `data` and return the index of the first.

        Raises
        ------
        MalformedDataSet
            The data set ends before.
        """
        index = offset - self.start
        if index >= 0 and index + count <= len(self.data):
            return index
        if self.fill(offset, count) < count:
            raise MalformedDataSet(f"offset {offset}: the data set ends within an element")
        return offset - self.start

    def bytes_at(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` on; raises as `index` does."""
        index = self.index(offset, count)
        return self.data[index : index + count]

    def copy_at(self, offset: int, count: int) -> bytes:
        """Read past the window, uncounted: for values that are copied, not looked at."""
        return self._read_at(offset, count)

    def _read_on(self, keep_from: int, missing: int) -> None:
        wanted = max(missing, self._ahead)
        end = self.start + len(self.data)
        chunk = self._read_at(end, min(wanted, max(self.size - end, 0)))
        self._left -= len(chunk)
        if self._left < 0:
            raise LimitExceeded(
                f"offset {end}: the elements take more than {self.limits.bytes_read} bytes to read"
            )
        self.data = self.data[keep_from:] + chunk
        self.start += keep_from
        self._ahead = min(self._ahead * 2, _MOST_AHEAD)


def window_of_bytes(data: bytes, limits: Limits = LIMITS) -> Window:
    """View bytes in memory."""
    window = Window(lambda offset, count: data[offset : offset + count], len(data), limits)
    window.data = data
    return window


def window_of_stream(stream: BinaryIO, limits: Limits = LIMITS) -> Window:
    """View a seekable stream from where it stands to its end."""
    base = stream.tell()
    size = stream.seek(0, os.SEEK_END) - base
    position = -1

    def read_at(offset: int, count: int) -> bytes:
        nonlocal position
        if position != offset:
            stream.seek(base + offset)
        data = _read_fully(stream, count)
        position = offset + len(data)
        return data

    return Window(read_at, size, limits)


def window_of_file(fd: int, offset: int, length: int, limits: Limits = LIMITS) -> Window:
    """View a stretch of an open file, moving no file position."""

    def read_at(at: int, count: int) -> bytes:
        return os.pread(fd, min(count, max(length - at, 0)), offset + at)

    return Window(read_at, length, limits)


def _read_fully(stream: BinaryIO, count: int) -> bytes:
    data = stream.read(count)
    if len(data) == count or not data or not isinstance(stream, io.RawIOBase):
        return data
    # A raw stream may give less than it has.
    parts = [data]
    missing = count - len(data)
    while missing and (more := stream.read(missing)):
        parts.append(more)
        missing -= len(more)
    return b"".join(parts)
