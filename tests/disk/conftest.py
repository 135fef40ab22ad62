"""Disks that a test can fill, and calls that fail for one process and one file."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import attrs
import pytest

_PAGE = 4096


@attrs.frozen
class SmallDisk:
    """A file system of its own: how full it is, is the test's to say."""

    path: Path

    def fill(self, *, leave_bytes: int = 0) -> None:
        """Take all room but this much, also from somebody who writes meanwhile."""
        with (self.path / "filler").open("wb") as file:
            taken, more = 0, self.free_bytes - leave_bytes
            while more >= _PAGE:
                try:
                    os.posix_fallocate(file.fileno(), taken, more)
                    taken += more
                except OSError:
                    more //= 2
                more = min(more, self.free_bytes - leave_bytes)

    def fill_files(self) -> None:
        """Take all files that can still be made."""
        (self.path / "fillers").mkdir()
        for number in range(os.statvfs(self.path).f_favail):
            (self.path / "fillers" / str(number)).touch()

    def make_room(self) -> None:
        """Give back what was taken."""
        (self.path / "filler").unlink(missing_ok=True)
        for path in (self.path / "fillers").glob("*"):
            path.unlink()

    @property
    def free_bytes(self) -> int:
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize


@pytest.fixture
def strace() -> str:
    path = shutil.which("strace")
    if path is None:
        pytest.skip("needs strace")
    return path


@pytest.fixture
def failing(strace, wait_until, tmp_path) -> Callable[..., AbstractContextManager[Path]]:
    """Let calls of one process on one file fail, as strace's `inject` says; gives strace's own log."""

    @contextmanager
    def fail(pid: int, path: Path, inject: str) -> Iterator[Path]:
        told = tmp_path / "strace.log"
        command = [strace, "-f", "-qq", "-o", told, "-p", str(pid), "-P", path, "-e", f"inject={inject}"]
        with subprocess.Popen(list(map(str, command))) as faults:
            status = Path(f"/proc/{pid}/status")
            wait_until(lambda: "TracerPid:\t0" not in status.read_text(), within_s=60)
            try:
                yield told
            finally:
                faults.terminate()

    return fail


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Callable[..., SmallDisk]]:
    """Mount a disk of so many MiB; it is gone at the end."""
    mounted: list[Path] = []

    def mount(name: str, mib: int, *, files: int = 0) -> SmallDisk:
        where = tmp_path / name
        where.mkdir(parents=True, exist_ok=True)
        options = f"size={mib}m" + (f",nr_inodes={files}" if files else "")
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", where], check=False)
        if done.returncode:
            pytest.skip("mount of a tmpfs is not allowed here")
        mounted.append(where)
        return SmallDisk(where)

    yield mount
    for where in reversed(mounted):
        # Lazily: a process that a failed test left behind must not keep the mount.
        subprocess.run(["umount", "--lazy", where], check=True)
