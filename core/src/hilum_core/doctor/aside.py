"""One queue takes the place of another; the one before is moved aside, and kept for as long as people want.

The new one is whole beside its place before anything is moved. Then each step is a rename, and the queue goes
first: interrupted before that, nothing has changed; after it there is no queue, and a router that is started
then makes an empty one and holds all that it finds. Done again, the move goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from hilum_core.filesystem import make_durable
from hilum_core.incarnation import PRIVATE_DIR
from hilum_core.queue import QUEUE_FILE, QueueUnavailable
from hilum_core.queue.mark import write_mark

ASIDE = "aside"
"""The folder of the state directory for what was moved away; no router reads it."""

_MOVING = "moving"
_LOG, _SHARED = f"{QUEUE_FILE}-wal", f"{QUEUE_FILE}-shm"


def put_in_place(state_dir: Path, made: Mapping[str, Path], mark: int) -> Path | None:
    """Give what was made beside its place its names; the folder with what had them before, if anything had.

    Parameters
    ----------
    made
        By name in the state directory, what lies beside; the queue is among it, closed.
    mark
        The mark that the new queue has.

    Raises
    ------
    QueueUnavailable
        The new queue is not whole. Nothing was changed.
    """
    queue = made[QUEUE_FILE]
    if queue.with_name(f"{queue.name}-wal").exists():
        raise QueueUnavailable(f"{queue}: cannot be completed; see that the disk is sound and has room")
    others = [name for name in made if name != QUEUE_FILE]
    aside = _move_aside(state_dir, (QUEUE_FILE, _LOG, _SHARED, *others))
    for name in (*others, QUEUE_FILE):
        made[name].rename(state_dir / name)
        make_durable(state_dir)
    write_mark(state_dir, mark)
    return aside


def queues_aside(state_dir: Path) -> list[Path]:
    """The queues that were moved away, whole: where a move was interrupted, it goes on."""
    moving = state_dir / ASIDE / _MOVING
    if (moving / QUEUE_FILE).exists() and not (state_dir / QUEUE_FILE).exists():
        _move(state_dir, moving, (_LOG, _SHARED))
    return sorted((state_dir / ASIDE).glob(f"*/{QUEUE_FILE}"))


def _move_aside(state_dir: Path, names: tuple[str, ...]) -> Path | None:
    moving = state_dir / ASIDE / _MOVING
    found = [name for name in names if (state_dir / name).exists()]
    if any((moving / name).exists() for name in found):
        _finish(moving)  # a router has made others since
    if not found and not moving.exists():
        return None
    moving.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    make_durable(state_dir)
    make_durable(moving.parent)
    _move(state_dir, moving, found)
    return _finish(moving)


def _move(state_dir: Path, moving: Path, names: Sequence[str]) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            (state_dir / name).rename(moving / name)
        make_durable(moving)
        make_durable(state_dir)


def _finish(moving: Path) -> Path:
    folder = moving.with_name(f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    moving.rename(folder)
    make_durable(folder.parent)
    return folder
