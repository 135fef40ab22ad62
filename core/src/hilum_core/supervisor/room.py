"""What must be written even on a full disk: what is delivered, or removed, afterwards makes room again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hilum_core.incarnation import StateDirError
from hilum_core.spool import BALLAST_FILE, Ballast

Written = TypeVar("Written")


def at_any_cost(state_dir: Path, write: Callable[[], Written]) -> Written:
    """Write something, at the cost of the ballast if there is no room otherwise; raises `OSError`."""
    try:
        return write()
    except OSError:
        if not Ballast(state_dir / BALLAST_FILE).release():
            raise
        return write()


def with_room(state_dir: Path, write: Callable[[], Written]) -> Written:
    """As `at_any_cost`, for what a start needs.

    Raises
    ------
    StateDirError
        It cannot be written all the same.
    """
    try:
        return at_any_cost(state_dir, write)
    except OSError as error:
        raise StateDirError(
            f"router.state_dir: {state_dir} cannot be written ({error.strerror}); make room on its disk"
        ) from error
