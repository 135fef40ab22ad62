"""The state directory: whose it is, who may read it, what it lies on, who works in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hilum_core.doctor.findings import Case, Finding, Says
from hilum_core.filesystem import NETWORK, SYNCS_NEW_NAMES, file_system
from hilum_core.incarnation import PRIVATE_DIR, PRIVATE_FILE, live_incarnations

_TOP_FILES = ("queue.sqlite", "queue.mark", "patient.key", "lock", "incarnation", "last-id", "clock.json")


def examine_state_directory(case: Case, says: Says) -> Iterator[Finding]:
    """Look at the folder itself, and at the files that nobody else may read."""
    folder = case.state_dir
    if not folder.is_dir():
        yield says.fault(f"{folder} is not there", "start the router once, or name the right folder")
        return
    system = file_system(folder)
    if system in NETWORK:
        yield says.fault(f"it is on {system}, where no sync can be relied on", "give the router a local disk")
    elif system not in SYNCS_NEW_NAMES:
        yield says.ok(f"it is on {system}: folders are synced, too")
    if not os.access(folder, os.W_OK | os.X_OK):
        yield says.fault("this user cannot write it", "act as the user of the router")
    owner = folder.stat().st_uid
    open_to_others = list(_open_to_others(folder))
    if open_to_others:
        yield says.fault(
            f"others than its owner may use {', '.join(open_to_others)}",
            "hilum doctor --fix-modes gives folders 0700 and files 0600",
        )
    of_others = [name for name in _there(folder) if (folder / name).lstat().st_uid != owner]
    if of_others:
        yield says.fault(
            f"{', '.join(of_others)} belong to another user", "chown them to the user of the router"
        )
    running = len(live_incarnations(folder))
    yield says.ok(
        f"{folder} on {system}; " + (f"a router runs, {running} processes" if running else "no router runs")
    )


def fix_modes(folder: Path) -> int:
    """Take all rights of others away from the folder and all below it; how many were changed."""
    changed = 0
    for path in (folder, *folder.rglob("*")):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            continue
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(PRIVATE_DIR if path.is_dir() else PRIVATE_FILE)
            changed += 1
    return changed


def _open_to_others(folder: Path) -> Iterator[str]:
    for name in (".", *_there(folder)):
        if stat.S_IMODE((folder / name).stat().st_mode) & 0o077:
            yield name


def _there(folder: Path) -> list[str]:
    return [name for name in (*_TOP_FILES, "spool", "settled", "config", "run") if (folder / name).exists()]
