"""How things are made durable: which file system a folder is on, and what that promises."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

# The numbers of statfs(2).
_NAMES = {
    0xEF53: "ext4",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x01021994: "tmpfs",
    0x794C7630: "overlay",
    0x2FC12FC1: "zfs",
    0xF2F52010: "f2fs",
    0x6969: "nfs",
    0x517B: "smb",
    0xFF534D42: "cifs",
    0xFE534D42: "smb2",
    0x00C36400: "ceph",
    0x5346414F: "afs",
    0x6B414653: "afs",
    0x73757245: "coda",
    0x564C: "ncp",
    0x01021997: "9p",
    0x0BD00BD0: "lustre",
    0x65735546: "fuse",
}

NETWORK = frozenset({"nfs", "smb", "cifs", "smb2", "ceph", "afs", "coda", "ncp", "9p", "lustre", "fuse"})
"""Where SQLite's WAL or an fdatasync cannot be relied on; sshfs and glusterfs are fuse."""

SYNCS_NEW_NAMES = frozenset({"ext4", "xfs", "btrfs"})
"""Where an fdatasync of a newly created file also keeps its name (replayed power cuts: none lost)."""

_STATFS_BYTES = 256  # struct statfs has 120 bytes on 64-bit Linux, f_type first
_UNSIGNED_32 = 0xFFFFFFFF  # f_type is signed on some architectures


def make_durable(path: Path) -> None:
    """Make a file durable, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_system(path: Path) -> str:
    """Name the file system that holds `path`: ``"ext4"``, ``"nfs"``, …, or its number in hexadecimal.

    ``"unknown"`` where there is no statfs: other systems than Linux serve for development only.

    Raises
    ------
    OSError
        The path cannot be looked at.
    """
    if not sys.platform.startswith("linux"):
        return "unknown"
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(_STATFS_BYTES)
    if libc.statfs(os.fsencode(path), buffer) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(path))
    magic = ctypes.c_long.from_buffer(buffer).value & _UNSIGNED_32
    return _NAMES.get(magic, hex(magic))
