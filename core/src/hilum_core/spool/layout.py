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
        return self.received / f"{hour_folder(hour_of(object_id))}/{object_id}{SUFFIX}"

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


def files_of_hour(hour: Path) -> dict[str, Path]:
    """The objects in the folder of an hour, by id."""
    return {
        name.removesuffix(SUFFIX): hour / name
        for name in os.listdir(hour)  # noqa: PTH208 - ten thousand names: a Path each costs more than all else
        if name.endswith(SUFFIX) and is_object_id(name.removesuffix(SUFFIX))
    }


def newest_id(layout: Layout) -> str | None:
    """The greatest id on the disk: new ones must come after it, whatever the clock says."""
    newest = ""
    for folder in (layout.received, layout.settled):
        for hour in reversed(list(hours(folder))):
            if found := files_of_hour(hour):
                newest = max(newest, *found)
                break
    return newest or None


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
            sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the file system does not do so with the file."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hour_has_passed(hour: Path, now_us: int) -> bool:
    """Whether the hour of a folder has passed, so that it will hardly get more files."""
    return f"{hour.parent.name}/{hour.name}" < hour_folder(now_us // HOUR_US)


def _numbered(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.isdecimal())
    except FileNotFoundError:
        return []
