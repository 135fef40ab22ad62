"""A disk in user space: one file, meant for a loop device, whose writes and flushes go on a tape.

`python -m powercuts.disk MOUNT_POINT IMAGE TAPE` serves the content of IMAGE as MOUNT_POINT/disk until it is
unmounted. One thread: the order on the tape is the order of the disk.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import mfusepy

from powercuts.tape import TapeWriter

DISK = "disk"


class RecordedDisk(mfusepy.Operations):  # type: ignore[misc]  # the library's types end here
    """Serves one file. A flush is noted when it is asked for: who asked waits until then."""

    use_ns = True

    def __init__(self, image: Path, tape: TapeWriter) -> None:
        self._image = os.open(image, os.O_RDWR | os.O_CLOEXEC)
        self._tape = tape

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        """Say what there is: a folder with one file."""
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        if path == f"/{DISK}":
            return {
                "st_mode": stat.S_IFREG | 0o600,
                "st_nlink": 1,
                "st_size": os.fstat(self._image).st_size,
            }
        raise mfusepy.FuseOSError(errno.ENOENT)

    def readdir(self, path: str, fh: int) -> list[str]:
        """List the folder."""
        return [".", "..", DISK]

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Read as a disk does: what was written last, flushed or not."""
        return os.pread(self._image, size, offset)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Take a write; from here on it may be lost."""
        self._tape.write(offset, data)
        return os.pwrite(self._image, data, offset)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        """Flush: from here on nothing before may be lost."""
        self._tape.flush()
        return 0


def main() -> None:
    """Serve the disk in the foreground."""
    mount_point, image, tape = sys.argv[1:]
    disk = RecordedDisk(Path(image), TapeWriter(Path(tape)))
    mfusepy.FUSE(disk, mount_point, foreground=True, nothreads=True)


if __name__ == "__main__":
    main()
