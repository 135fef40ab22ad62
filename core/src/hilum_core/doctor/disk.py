"""The disk: how much room is left, in bytes and in files."""

from __future__ import annotations

import os
from collections.abc import Iterator

from hilum_core.config import load_reception
from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.revisions import latest, read
from hilum_core.spool import BALLAST_FILE, DiskGuard

_FEW_FILES = 0.05
_GB = 1e9


def examine_disk(case: Case, says: Says) -> Iterator[Finding]:
    """Compare what is free with what the router keeps free."""
    disk = os.statvfs(case.state_dir)
    free = f"{disk.f_bavail * disk.f_frsize / _GB:.1f} GB free"
    revision = latest(case.state_dir)
    limit = (
        load_reception(read(case.state_dir, revision), source="revision").router.refuse_below_free
        if revision
        else None
    )
    if DiskGuard(case.state_dir, limit).has_room():
        yield says.ok(free)
    else:
        yield says.fault(
            f"{free}: below refuse_below_free, senders are refused", "make room; see troubleshooting"
        )
    if disk.f_files and disk.f_favail / disk.f_files < _FEW_FILES:
        yield says.warn(f"room for {disk.f_favail:,} more files only", "the file system runs out of inodes")
    if revision and not (case.state_dir / BALLAST_FILE).exists():
        yield says.warn(
            "the reserve for the queue is not there", "it comes back by itself when there is room"
        )
