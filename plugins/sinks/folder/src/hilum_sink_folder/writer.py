"""Files that are whole or not there: written beside, synced, given their name, name synced.

Knows paths and bytes only. An `OSError` passes through; the sink says what it means.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hilum_sink_folder.mode import FileMode

INCOMING = ".hilum-incoming"
"""The folder for files that are being written. No name made of an object begins with a dot."""

_MOST_REMEMBERED = 4096
# Of file systems that have none of it: FAT, some network shares.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})
_NO_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})


class FolderWriter:
    """Puts files into a tree. One object per worker; several workers may share a tree."""

    def __init__(self, root: Path, mode: FileMode) -> None:
        self._root = root
        self._mode = mode
        self._incoming = root / INCOMING
        self._lock: int | None = None
        self._synced: set[Path] = set()

    def open(self) -> None:
        """Make ready, and remove what crashed runs have left half.

        All that write hold a shared lock; whoever gets it alone knows that what lies there is nobody's.
        """
        self.close()
        with contextlib.suppress(FileExistsError):
            self._incoming.mkdir(mode=0o700)
        self._lock = os.open(self._incoming / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # others are writing, or this file system has no locks
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for left in self._incoming.glob("*.part"):
                left.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            fcntl.flock(self._lock, fcntl.LOCK_SH)

    def close(self) -> None:
        """Let go of the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def check(self) -> None:
        """See that a file can be made, synced and removed; raises OSError if not."""
        folder = self._incoming if self._lock is not None else self._root
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def written(self, chunks: Iterable[bytes], *, modified_s: int | None = None) -> Iterator[Path]:
        """Write a synced file under a temporary name, which is gone afterwards.

        ``modified_s`` is the time of last change that it shall show, in seconds since 1970.
        """
        handle, name = tempfile.mkstemp(prefix="", suffix=".part", dir=self._incoming)
        path = Path(name)
        try:
            with open(handle, "wb") as out:  # noqa: PTH123 - a descriptor
                with contextlib.suppress(PermissionError):  # the modes of some shares are not ours to set
                    os.fchmod(handle, self._mode.bits)
                out.writelines(chunks)
                out.flush()
                if modified_s is None:
                    os.fdatasync(handle)
                else:
                    os.utime(handle, (modified_s, modified_s))
                    os.fsync(handle)  # fdatasync may leave times out
            yield path
        finally:
            path.unlink(missing_ok=True)

    def add(self, written: Path, target: Path) -> None:
        """Give a written file its name, durably.

        Raises
        ------
        FileExistsError
            Something has that name; it is not touched.
        """
        self._ensure_folder(target.parent)
        try:
            os.link(written, target)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            _add_without_links(written, target)
        _sync_folder(target.parent)

    def replace(self, written: Path, target: Path) -> None:
        """Give a written file its name, durably, in the place of what had it."""
        self._ensure_folder(target.parent)
        written.replace(target)
        _sync_folder(target.parent)

    def confirm(self, target: Path) -> None:
        """See that a file that somebody else has made is on stable storage, name and all."""
        handle = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        self._ensure_folder(target.parent)
        _sync_folder(target.parent)

    def _ensure_folder(self, folder: Path) -> None:
        """Make the folders down to this one, and see that every name on the way is on stable storage.

        Another worker may have made one and not synced it yet, so each is synced once by each worker.
        """
        if folder in self._synced and folder.is_dir():
            return
        if folder != self._root:
            self._ensure_folder(folder.parent)
            try:
                folder.mkdir()
            except FileExistsError:
                if not folder.is_dir():
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
            else:
                with contextlib.suppress(PermissionError):
                    # The bit by which files inherit their group (setgid) stays as the parent wants it.
                    folder.chmod(self._mode.folder_bits | folder.stat().st_mode & stat.S_ISGID)
            _sync_folder(folder.parent)
        if len(self._synced) >= _MOST_REMEMBERED:
            self._synced.clear()
        self._synced.add(folder)


def _add_without_links(written: Path, target: Path) -> None:
    """Take the name by an empty file first: whoever makes it owns it."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC))
    try:
        written.replace(target)
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)
