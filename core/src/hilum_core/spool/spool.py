"""The objects on disk: begun, found, moved when settled, removed when purged. Knows no queue."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from hilum_core.clock import Clock, SystemClock, microseconds
from hilum_core.crash_points import reach
from hilum_core.filesystem import SYNCS_NEW_NAMES, file_system
from hilum_core.incarnation import PRIVATE_FILE
from hilum_core.spool import layout
from hilum_core.spool.errors import NO_ROOM, NONE_LEFT, SpoolFailed, SpoolFull, spool_error
from hilum_core.spool.file_format import SUFFIX, header
from hilum_core.spool.ids import HighWater, ObjectIds, is_object_id
from hilum_core.spool.layout import Layout
from hilum_core.spool.space import DiskGuard
from hilum_core.spool.writer import SpoolWriter
from hilum_sdk import Association

_NEW_FILE = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
_PROBE_EVERY_S = 1.0
_HIGH_WATER_FILE = "last-id"


class Spool:
    """The spool of one process; any of its threads may use it.

    Parameters
    ----------
    root
        The state directory, see `hilum_core.spool.layout`.
    incarnation
        The number of this process.
    ids
        Gives the names of new objects; None in a process that receives none.
    guard
        Says when the disk is too full; by default below the greater of 5 % and 10 GiB.
    """

    def __init__(
        self, root: Path, incarnation: int, ids: ObjectIds | None = None, *, guard: DiskGuard | None = None
    ) -> None:
        self.root = root
        self.incarnation = incarnation
        self._ids = ids
        self._layout = Layout(root)
        layout.make_folder(self._layout.received, below=self._layout.received, sync=False)
        self._guard = guard or DiskGuard(root)
        self._sync_names = file_system(root) not in SYNCS_NEW_NAMES
        self._suspect = False
        self._probed_at = float("-inf")
        self._probing = threading.Lock()

    # ---- receiving

    def begin(
        self,
        *,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        association: Association,
        received_at: datetime,
    ) -> SpoolWriter:
        """Start the file of an object.

        Raises
        ------
        SpoolFull
            Too little room is left, counting what other open objects may still need.
        SpoolFailed
            The disk failed, now or lately: after an error it must show that it syncs a file.
        """
        assert self._ids is not None, "this process receives nothing"
        if not self._guard.has_room():
            raise SpoolFull("spool: too little room on the disk; make room or add a larger disk")
        self._expect_sound_disk()
        start = header(
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            association=association,
            received_at=received_at,
        )
        object_id = self._ids.new()
        path = self._layout.received_name(object_id)
        try:
            descriptor = self._create(path)
        except OSError as error:
            self.disk_failed(error)
            raise spool_error(error, "creating a file") from error
        return SpoolWriter(
            object_id=object_id,
            path=path,
            descriptor=descriptor,
            header=start,
            sop_class_uid=sop_class_uid,
            sop_instance_uid=sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            association=association,
            received_at=received_at,
            guard=self._guard,
            watch=self,
            sync_name=self._sync_names,
        )

    def is_out_of_space(self) -> bool:
        """Whether a new association should be turned away: transient, local limit exceeded."""
        return not self._guard.has_room()

    def disk_failed(self, error: OSError) -> None:
        """Take note of an error: unless the disk was only full, or not at fault, it must prove itself."""
        if error.errno not in NO_ROOM | NONE_LEFT:
            self._suspect = True

    def _create(self, path: str) -> int:
        try:
            return os.open(path, _NEW_FILE, PRIVATE_FILE)
        except FileNotFoundError:  # the first of its hour, or the folder was removed when it was empty
            layout.make_folder(Path(path).parent, below=self._layout.received, sync=self._sync_names)
            return os.open(path, _NEW_FILE, PRIVATE_FILE)

    def _expect_sound_disk(self) -> None:
        if not self._suspect:
            return
        with self._probing:
            if self._suspect and time.monotonic() - self._probed_at >= _PROBE_EVERY_S:
                self._probed_at = time.monotonic()
                self._suspect = not self._probe()
            if self._suspect:
                raise SpoolFailed("spool: the disk failed and does not sync a probe file yet; look at it")

    def _probe(self) -> bool:
        path = self._layout.received / f".probe-{os.getpid()}"
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC, PRIVATE_FILE)
            try:
                os.write(descriptor, bytes(4096))
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
                path.unlink()
        except OSError:
            return False
        return True

    # ---- finding

    def locate(self, object_id: str) -> Path:
        """The file of an object. Whether it is there, opening it tells."""
        settled = self._layout.settled_path(object_id)
        # Asked for every delivery, and three times as fast as the Path's own.
        is_settled = os.path.exists(settled)  # noqa: PTH110
        return settled if is_settled else self._layout.received_path(object_id)

    def received_name(self, object_id: str) -> str:
        """The file of an object that cannot be settled yet, as text."""
        return self._layout.received_name(object_id)

    def hours(self) -> Iterator[Path]:
        """The folders of hours that objects were received in, oldest first."""
        return layout.hours(self._layout.received)

    def ids_of_hour(self, hour: Path) -> list[str]:
        """The objects in such a folder, complete or not, in no order."""
        return layout.ids_of_hour(hour)

    def path_in_hour(self, hour: Path, object_id: str) -> Path:
        """The file of one of them."""
        return hour / f"{object_id}{SUFFIX}"

    # ---- the end of objects

    def settle(self, object_ids: Iterable[str]) -> None:
        """Move objects out of the way of reconcile. One that cannot be moved is as safe where it is."""
        emptied = set()
        for object_id in object_ids:
            received = self._layout.received_path(object_id)
            settled = self._layout.settled_path(object_id)
            with suppress(OSError):
                self._move(received, settled)
                reach("settle.moved")
            emptied.add(received.parent)
        self._remove_empty(emptied)

    def _move(self, received: Path, settled: Path) -> None:
        try:
            received.rename(settled)
        except FileNotFoundError:
            if settled.parent.is_dir():  # then it is the object that is gone
                raise
            layout.make_folder(settled.parent, below=self._layout.settled, sync=False)
            received.rename(settled)

    def remove(self, object_ids: Iterable[str]) -> Mapping[str, OSError]:
        """Remove objects and their renderings, in the second step of a purge. What is gone is gone.

        Returns
        -------
        The objects of which something cannot be removed, and why. The others are removed.
        """
        emptied = set()
        failures: dict[str, OSError] = {}
        for object_id in object_ids:
            try:
                # In this order: DELIVER may move it from the one to the other only now.
                for path in (self._layout.received_path(object_id), self._layout.settled_path(object_id)):
                    path.unlink(missing_ok=True)
                    emptied.add(path.parent)
                reach("purge.unlinked")
                self.remove_renderings(object_id)
            except OSError as error:
                failures[object_id] = error
        self._remove_empty(emptied)
        return failures

    def set_aside(self, path: Path) -> bool:
        """Move a file that is not an object, or not any more, to where a person finds it.

        Returns whether it was still there.
        """
        layout.make_folder(self._layout.incomplete, below=self._layout.received, sync=False)
        try:
            path.rename(self._layout.incomplete / path.name)
        except FileNotFoundError:
            return False
        return True

    def _remove_empty(self, hours: Iterable[Path]) -> None:
        now_us = microseconds(SystemClock().now())
        for hour in hours:
            if layout.hour_has_passed(hour, now_us):
                layout.remove_if_empty(hour)

    # ---- renderings

    def rendering_path(self, name: str) -> Path:
        """Where a rendering is, by a name that `rendering_name` made; whoever writes it makes its folder.

        Raises
        ------
        ValueError
            The name is not one of a rendering.
        """
        object_id = name.partition("-")[0]
        if not is_object_id(object_id) or "/" in name:
            raise ValueError(f"{name!r} is not the name of a rendering")
        return self._layout.renderings_of(object_id) / name

    def rendering_folder(self, object_id: str) -> Path:
        """Where the renderings of an object are; whoever writes one makes it."""
        return self._layout.renderings_of(object_id)

    def remove_renderings(self, object_id: str) -> None:
        """Remove all that was rendered of an object."""
        folder = self._layout.renderings_of(object_id)
        with suppress(FileNotFoundError):
            for path in folder.iterdir():
                path.unlink(missing_ok=True)
            folder.rmdir()
            self._remove_empty([folder.parent])


def open_spool(
    state_dir: Path,
    incarnation: int,
    *,
    clock: Clock | None = None,
    refuse_below_free: int | None = None,
    last_id: str | None = None,
) -> Spool:
    """Open the spool of a state directory for a process that receives.

    New ids come after all that are on the disk, whatever the clock says, and after `last_id`: the greatest
    that the queue knows, whose bytes may be gone. What is settled had a row, so where there is a queue, only
    what is not is looked through.
    """
    places = Layout(state_dir)
    folders = (places.received, places.settled) if last_id is None else (places.received,)
    floor = max(filter(None, (layout.newest_id(*folders), last_id)), default=None)
    high_water = HighWater(state_dir / _HIGH_WATER_FILE)
    ids = ObjectIds(incarnation, clock or SystemClock(), floor, high_water)
    return Spool(state_dir, incarnation, ids, guard=DiskGuard(state_dir, refuse_below_free))


def rendering_name(object_id: str, identity: str) -> str:
    """Name the file that a chain of transforms makes of an object: the same for every attempt.

    ``identity`` are letters and digits that stand for all that makes it.
    """
    return f"{object_id}-{identity}{SUFFIX}"
