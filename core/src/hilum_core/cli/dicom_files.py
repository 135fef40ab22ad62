"""The DICOM files that `hilum send`, `render` and `diff` find below the paths that they are given."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import attrs
from pydicom.uid import MediaStorageDirectoryStorage

from hilum_sdk import Association, Instance
from hilum_sdk.elements import ElementsError, read_file_meta

_MAGIC_AT = 128
_MAGIC = b"DICM"


@attrs.frozen(kw_only=True)
class DicomFile:
    """One object in a file, told by its File Meta Information."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set_offset: int
    data_set_bytes: int

    def instance(self, *, object_id: str, received_at: datetime) -> Instance:
        """The object as if it had come in from nowhere."""
        return Instance(
            id=object_id,
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            transfer_syntax_uid=self.transfer_syntax_uid,
            data_set_bytes=self.data_set_bytes,
            received_at=received_at,
            association=Association(calling_ae="", called_ae=""),
        )


@attrs.frozen(kw_only=True)
class Unsendable:
    """A file that cannot be sent, and why."""

    path: Path
    reason: str


@attrs.frozen(kw_only=True)
class Found:
    """What lies below the paths. ``passed_over`` counts the files of folders that are not DICOM."""

    files: tuple[DicomFile, ...]
    unsendable: tuple[Unsendable, ...]
    passed_over: int


def find_dicom_files(paths: Sequence[Path]) -> Found:
    """Read the File Meta Information of each file, folders recursively, in the order of their names.

    A file that is named is meant: if it is not DICOM, that is a fault. In a folder other files are
    passed over, and so are DICOMDIRs, which are no objects to send.
    """
    files: list[DicomFile] = []
    unsendable: list[Unsendable] = []
    passed_over = 0
    for path, named in _walk(paths):
        one = _look(path)
        if isinstance(one, DicomFile) and (named or one.sop_class_uid != MediaStorageDirectoryStorage):
            files.append(one)
        elif isinstance(one, Unsendable):
            unsendable.append(one)
        elif named:
            unsendable.append(Unsendable(path=path, reason="is not a DICOM file (PS3.10 7.1)"))
        else:
            passed_over += 1
    return Found(files=tuple(files), unsendable=tuple(unsendable), passed_over=passed_over)


def _walk(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    for path in paths:
        if path.is_dir():
            yield from ((below, False) for below in _files_below(str(path)))
        else:
            yield path, True


def _files_below(folder: str) -> Iterator[Path]:
    """All files, also in folders below; of a folder that cannot be read, and a link to nowhere, none."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path)
        elif _is_file(entry):
            yield Path(entry.path)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads round in a circle, or through a file
        return False


def _look(path: Path) -> DicomFile | Unsendable | None:
    """Read one file; None if it is not a DICOM file."""
    try:
        with io.FileIO(path) as file:
            if file.read(_MAGIC_AT + len(_MAGIC))[_MAGIC_AT:] != _MAGIC:
                return None
            meta = read_file_meta(file)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        return Unsendable(path=path, reason=f"cannot be read: {error.strerror}")
    except ElementsError as error:
        return Unsendable(path=path, reason=str(error))
    if not meta.sop_class_uid or not meta.sop_instance_uid:
        return Unsendable(path=path, reason="its File Meta Information names no SOP class or instance")
    return DicomFile(
        path=path,
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        data_set_offset=meta.data_set_offset,
        data_set_bytes=size - meta.data_set_offset,
    )
