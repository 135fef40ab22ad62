"""Real file systems on the recorded disk, and on what a power cut left of it."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from powercuts.disk import DISK

DISK_BYTES = 384 << 20
"""xfs wants 300 MiB."""

_MAKE = {
    # ext4 would go on making itself in the background: writes that have nothing to do with us.
    "ext4": ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-K"),
    "btrfs": ("mkfs.btrfs", "-q", "-K"),
}
FILE_SYSTEMS = tuple(_MAKE)
_NEEDED = ("fusermount3", "unshare", "mount", "umount", "storescu")
_MOUNTS_WITHIN_S = 30.0


def missing(file_systems: Iterable[str]) -> list[str]:
    """What this machine lacks for power cuts on these file systems, in words."""
    programs = [*_NEEDED, *(_MAKE[name][0] for name in file_systems)]
    lacks = [f"the program {name}" for name in programs if shutil.which(name) is None]
    if ctypes.util.find_library("fuse3") is None:
        lacks.append("libfuse3")
    lacks += [path for path in ("/dev/fuse", "/dev/loop-control") if not Path(path).exists()]
    if os.geteuid() != 0:
        lacks.append("root")
    return lacks


def make_blank(name: str, image: Path) -> None:
    """Make the image of an empty file system."""
    with image.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run([*_MAKE[name], image], check=True, stdout=subprocess.DEVNULL)


@contextmanager
def recorded(image: Path, mount_point: Path, tape: Path, folder: Path) -> Iterator[None]:
    """Mount the file system of an image; meanwhile everything that reaches the disk goes on the tape."""
    folder.mkdir()
    server = subprocess.Popen([sys.executable, "-m", "powercuts.disk", folder, image, tape])
    try:
        _wait_for(folder / DISK)
        with mounted(folder / DISK, mount_point):
            yield
    finally:
        subprocess.run(["umount", folder], check=False)
        server.wait()
        folder.rmdir()


@contextmanager
def mounted(image: Path, mount_point: Path) -> Iterator[None]:
    """Mount an image; the file system recovers itself, as it does after a power cut."""
    subprocess.run(["mount", "-o", "loop", image, mount_point], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", mount_point], check=True)


def _wait_for(path: Path) -> None:
    end = time.monotonic() + _MOUNTS_WITHIN_S
    while not path.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{path} did not appear: FUSE does not work here")
        time.sleep(0.02)
