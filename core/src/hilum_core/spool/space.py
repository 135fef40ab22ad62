"""Room on the disk: refuse new objects while there is still some, and keep a reserve for the queue."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30
BALLAST_FILE = "ballast"
"""Its name in the state directory."""

BALLAST_BYTES = 256 * MIB
EXPECTED_BYTES = 16 * MIB
"""What an object that has only begun is taken to need: DICOM does not announce sizes."""

_LOOK_EVERY_S = 0.5
_LEAST_SHARE = 0.05
_LEAST_BYTES = 10 * GIB
_LEAST_FILES = 1000
"""So many files can still be made, or 5 % of all, where that is less: the queue needs some, too."""


class DiskGuard:
    """Says whether there is room for another object.

    The disk is asked at most twice a second; between, what we write is subtracted. Any thread may ask.

    Parameters
    ----------
    refuse_below_free
        Bytes that stay free; None for the greater of 5 % of the disk and 10 GiB.
    """

    def __init__(self, root: Path, refuse_below_free: int | None = None) -> None:
        self._root = root
        self._limit = refuse_below_free
        self._lock = threading.Lock()
        self._free = 0
        self._least = 0
        self._looked_at = float("-inf")
        self._expected = 0

    def has_room(self) -> bool:
        """Whether a new object may begin, with all that have begun still to be written."""
        with self._lock:
            return self._left() >= self._expected + EXPECTED_BYTES

    def may_go_on(self) -> bool:
        """Whether an object that has begun may go on."""
        with self._lock:
            return self._left() >= 0

    def begun(self) -> None:
        """Count an object that begins."""
        with self._lock:
            self._expected += EXPECTED_BYTES

    def wrote(self, size_bytes: int, expected_bytes: int) -> None:
        """Count what an object has written, and how much of it was expected."""
        with self._lock:
            self._free -= size_bytes
            self._expected -= expected_bytes

    def _left(self) -> int:
        """Bytes above the limit; negative below."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_EVERY_S:
            self._look()
            self._looked_at = now
        return self._free - self._least

    def _look(self) -> None:
        try:
            disk = os.statvfs(self._root)
        except OSError:  # a disk that does not answer has no room
            self._free, self._least = 0, 1
            return
        # Where a file system counts no files (btrfs), it has no end of them.
        if disk.f_files and disk.f_favail < min(_LEAST_FILES, int(disk.f_files * _LEAST_SHARE)):
            self._free, self._least = 0, 1
            return
        share = max(int(disk.f_blocks * disk.f_frsize * _LEAST_SHARE), _LEAST_BYTES)
        self._least = share if self._limit is None else self._limit
        self._free = disk.f_bavail * disk.f_frsize


class Ballast:
    """A file that only takes up room, given up when the disk is full so that the queue can still write.

    Without it a full disk would stop the queue from recording what was acknowledged and what was sent,
    which is what makes room again.
    """

    def __init__(self, path: Path, size_bytes: int = BALLAST_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def ensure(self, free_bytes_after: int = BALLAST_BYTES) -> bool:
        """Make the file unless it is there; not where it would leave less than this free.

        Returns whether it is there.
        """
        try:
            return self._is_there() or self._make(free_bytes_after)
        except OSError:  # the disk is worse than full; whoever must write on it says so
            return False

    def _is_there(self) -> bool:
        try:
            return self._path.stat().st_size >= self._size_bytes
        except FileNotFoundError:
            return False

    def _make(self, free_bytes_after: int) -> bool:
        disk = os.statvfs(self._path.parent)
        if disk.f_bavail * disk.f_frsize < self._size_bytes + free_bytes_after:
            return False
        descriptor = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, self._size_bytes)
        except OSError:
            self._path.unlink()
            return False
        finally:
            os.close(descriptor)
        return True

    def release(self) -> bool:
        """Give the room up; whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True
