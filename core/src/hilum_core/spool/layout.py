"""Where things are in the state directory::

    spool/20260131/23/<id>.dcm        objects by the hour of reception
    spool/incomplete/<id>.dcm         what reconcile found unfinished or damaged; kept for a person
    settled/20260131/23/<id>.dcm      objects whose deliveries have all ended, until they are purged
    renderings/20260131/23/<id>/…     what transforms made of an object, while it is needed

Everything follows from the id, so nothing has to be looked up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hilum_core.filesystem import make_durable
from hilum_core.incarnation import PRIVATE_DIR
from hilum_core.spool.file_format import SUFFIX
from hilum_core.spool.ids import HOUR_US, hour_folder, hour_of, is_object_id

_INCOMPLETE = "incomplete"


class Layout:
    """Paths below one state directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.received = root / "spool"
        self.settled = root / "settled"
        self.renderings = root / "renderings"
        self.incomplete = self.received / _INCOMPLETE

    def received_path(self, object_id: str) -> Path:
        """Where an object is received."""
        return Path(self.received_name(object_id))

    def received_name(self, object_id: str) -> str:
        """The same as text: on the path of every object, a Path would cost ten times as much."""
        return f"{self.received}/{hour_folder(hour_of(object_id))}/{object_id}{SUFFIX}"

    def settled_path(self, object_id: str) -> Path:
        """Where an object is once it is settled."""
        return self.settled / f"{hour_folder(hour_of(object_id))}/{object_id}{SUFFIX}"

    def renderings_of(self, object_id: str) -> Path:
        """The folder of an object's renderings."""
        return self.renderings / hour_folder(hour_of(object_id)) / object_id


def hours(folder: Path) -> Iterator[Path]:
    """The folders of the hours below `folder`, oldest first."""
    for day in _numbered(folder):
        yield from _numbered(day)


def ids_of_hour(hour: Path) -> list[str]:
    """The objects in the folder of an hour, in no order. A Path for each would cost more than all else."""
    names = os.listdir(hour)  # noqa: PTH208 - as said
    return [
        name[: -len(SUFFIX)] for name in names if name.endswith(SUFFIX) and is_object_id(name[: -len(SUFFIX)])
    ]


def newest_id(*folders: Path) -> str | None:
    """The greatest id in the newest hours below these folders; None where there is no object."""
    return max((max(found) for folder in folders if (found := _ids_of_newest_hour(folder))), default=None)


def _ids_of_newest_hour(folder: Path) -> list[str]:
    """Of the newest hour that is not empty."""
    newest_first = (ids_of_hour(hour) for hour in reversed(list(hours(folder))))
    return next(filter(None, newest_first), [])


def remove_if_empty(hour: Path) -> None:
    """Remove the folder of an hour that nothing is in any more, and that of its day."""
    with suppress(OSError):
        hour.rmdir()
        hour.parent.rmdir()


def make_folder(folder: Path, *, below: Path, sync: bool) -> None:
    """Make a folder and those above it, up to `below`; with `sync`, so that they outlast a power cut."""
    if not folder.is_dir():
        if folder != below:
            make_folder(folder.parent, below=below, sync=sync)
        folder.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        if sync:
            make_durable(folder.parent)


def hour_has_passed(hour: Path, now_us: int) -> bool:
    """Whether the hour of a folder has passed, so that it will hardly get more files."""
    return f"{hour.parent.name}/{hour.name}" < hour_folder(now_us // HOUR_US)


def _numbered(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.isdecimal())
    except FileNotFoundError:
        return []
