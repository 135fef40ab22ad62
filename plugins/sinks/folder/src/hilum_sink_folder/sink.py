"""The sink: which name, what to do where it is taken, and what a failing disk means for the lane."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

from hilum_sdk import (
    ComponentContext,
    DestinationUnavailable,
    HilumError,
    Item,
    PermanentError,
    Receipt,
    Sink,
    TemporaryError,
)
from hilum_sdk.naming import numbered
from hilum_sdk.reading import part10_chunks
from hilum_sink_folder.compare import file_holds_same_object
from hilum_sink_folder.config import FolderConfig
from hilum_sink_folder.writer import FolderWriter

MODIFIED_S = 315_532_800
"""1980-01-01, UTC, the time of every de-identified file: when it was sent says when somebody was examined.

No earlier time can stand in a zip archive.
"""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MISSING = frozenset({errno.ENOENT, errno.ENOTDIR})
_BAD_NAME = "layout: this file system cannot hold the name of this object; use other fields, or fewer"
_IN_THE_WAY = (
    "layout: a file stands where this object needs a folder, or a folder where it needs a file; move it"
)
_OF_THE_OBJECT = {
    errno.ENAMETOOLONG: _BAD_NAME,
    errno.EILSEQ: _BAD_NAME,
    errno.EINVAL: _BAD_NAME,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
    errno.EXDEV: "path: this object's folder is on another file system; use a sink for each of them",
}


class FolderSink(Sink):
    """Writes DICOM files into a folder tree."""

    config: FolderConfig

    def __init__(self, config: FolderConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._writer = FolderWriter(config.path, config.file_mode)

    def open(self) -> None:
        """Clear away what crashed runs have left half."""
        with self._explained():
            self._writer.open()

    def probe(self) -> None:
        """See that a file can be written and synced there."""
        with self._explained():
            self._writer.check()

    def close(self, timeout: timedelta) -> None:  # noqa: ARG002 - nothing here takes time
        """Let go of the folder."""
        self._writer.close()

    def deliver(self, item: Item) -> Receipt:
        """Write the object; return when file and name are on stable storage."""
        wanted = self.config.layout.place(item, missing=self.config.missing)
        warning = wanted.warning
        target = self.config.path.joinpath(*wanted.names)
        try:
            place = self._put(item, target)
        except OSError as error:
            raise self._meaning(error) from None  # its text holds the path, and so values of the object
        if place != target:
            warning = "another object has this name; stored beside it under a number"
        return Receipt(location=str(place), warning=warning)

    # ---- which name

    def _put(self, item: Item, target: Path) -> Path:
        place, is_there = self._look(item, target)
        if not is_there:
            chunks = part10_chunks(item, self.context)
            modified_s = MODIFIED_S if item.deidentified else None
            with self._writer.written(chunks, modified_s=modified_s) as written:
                while not is_there and not self._take(written, place):
                    place, is_there = self._look(item, target)
        if is_there:
            self._writer.confirm(place)
        return place

    def _look(self, item: Item, target: Path) -> tuple[Path, bool]:
        """Find where the object goes, and whether it is there already."""
        for number in count(1):
            place = target if number == 1 else target.with_name(numbered(target.name, number))
            if not os.path.lexists(place):
                return place, False
            if file_holds_same_object(place, item):
                return place, True
            if self.config.exists == "overwrite":
                return place, False
            if self.config.exists == "keep":
                break
        raise PermanentError(
            f'{self.context.label}.exists: another object has this name and is kept; use "number" or '
            '"overwrite", or a layout with {SOPInstanceUID}'
        )

    def _take(self, written: Path, place: Path) -> bool:
        """Give the written file this name; False if somebody else was faster."""
        if self.config.exists == "overwrite":
            self._writer.replace(written, place)
            return True
        try:
            self._writer.add(written, place)
        except FileExistsError:
            return False
        return True

    # ---- what an error means

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unavailable(error) from None

    def _unavailable(self, error: OSError) -> DestinationUnavailable:
        where = f"{self.context.label}.path: {self.config.path}"
        if error.errno in _FULL:
            return DestinationUnavailable(f"{where} is full; free space on it")
        if error.errno in _MISSING:
            return DestinationUnavailable(
                f"{where} is not there; make the folder, or mount what belongs there"
            )
        return DestinationUnavailable(
            f"{where} cannot be written ({error.strerror}); the router's user must be able to"
        )

    def _meaning(self, error: OSError) -> HilumError:
        """Tell whether a failed write is about this object or about the folder as a whole."""
        if error.errno in _OF_THE_OBJECT:
            return PermanentError(f"{self.context.label}.{_OF_THE_OBJECT[error.errno]}")
        if error.errno in _FULL:
            return self._unavailable(error)
        try:
            self._writer.check()
        except OSError as failed:
            return self._unavailable(failed)
        # Lest one folder with other permissions rest the lane for all others.
        return TemporaryError(
            f"{self.context.label}.path: the file of this object cannot be written ({error.strerror}), "
            "though others can; look at the permissions of its folder"
        )
