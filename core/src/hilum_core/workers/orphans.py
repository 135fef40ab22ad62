"""Ends what plugins start and leave behind: a process that outlives its worker serves nobody.

What stays in its worker's group dies with that (`WorkerLink.retire`). What has left the group becomes
a child of the coordinator, which starts nothing but workers: any other child of its is an orphan.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Become the parent of whatever processes below this one leave behind."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans(workers: Collection[int]) -> int:
    """End all children that are none of our workers; how many there were. Those ended before are cleared."""
    orphans = _children() - set(workers)
    for pid in orphans:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return len(orphans)


def _children() -> set[int]:
    """All children, whichever thread they are of; none where the kernel was built without that file."""
    found: set[int] = set()
    with suppress(OSError):
        for thread in Path("/proc/self/task").iterdir():
            found.update(map(int, (thread / "children").read_text(encoding="ascii").split()))
    return found
