"""Whether what arrived is what was sent, by the files alone. The router's own word does not count."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_file_meta_info
from pynetdicom.dsutils import split_dataset

from hilum_core.demo.objects import DemoObject


class Arrival(Enum):
    """What is found of an object at a destination. The values are what the report says."""

    IDENTICAL = "same bytes"
    EDITED = "same pixels"
    DIFFERENT = "DIFFERENT"
    NOT_EDITED = "NOT EDITED"
    MISSING = "MISSING"
    UNEXPECTED = "UNEXPECTED"
    NOT_ROUTED = "-"

    @property
    def is_good(self) -> bool:
        """Whether the object is there as it should be."""
        return self in {Arrival.IDENTICAL, Arrival.EDITED, Arrival.NOT_ROUTED}


def arrivals(folder: Path) -> Mapping[str, Path]:
    """Find the DICOM files below a folder, by their SOP Instance UIDs."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                found[str(read_file_meta_info(path).MediaStorageSOPInstanceUID)] = path
            except (InvalidDicomError, AttributeError):
                continue  # a file that is still being written beside
    return found


def compare_bytes(sent: DemoObject, arrived: Path | None) -> Arrival:
    """Compare the data sets byte by byte, and the transfer syntaxes."""
    if arrived is None:
        return Arrival.MISSING
    if read_file_meta_info(arrived).TransferSyntaxUID != sent.transfer_syntax_uid:
        return Arrival.DIFFERENT
    same = _data_set(sent.path) == _data_set(arrived)
    return Arrival.IDENTICAL if same else Arrival.DIFFERENT


def compare_edited(
    sent: DemoObject, arrived: Path | None, *, put: Mapping[str, str], removed: frozenset[str]
) -> Arrival:
    """Check that the edits are there and that nothing else has changed, the pixel data byte by byte.

    Parameters
    ----------
    put, removed
        The keywords that the transform set, with the values, and those that it removed.
    """
    if arrived is None:
        return Arrival.MISSING
    before, after = dcmread(sent.path), dcmread(arrived)
    if _pixels(before) != _pixels(after):
        return Arrival.DIFFERENT
    edited = all(after.get(keyword) == value for keyword, value in put.items())
    if not edited or any(keyword in after for keyword in removed):
        return Arrival.NOT_EDITED
    for keyword in (*put, *removed):
        for dataset in (before, after):
            if keyword in dataset:
                delattr(dataset, keyword)
    return Arrival.EDITED if before == after else Arrival.DIFFERENT


def _data_set(path: Path) -> bytes:
    _, offset = split_dataset(path)
    return path.read_bytes()[offset:]


def _pixels(dataset: Dataset) -> bytes:
    """The value of Pixel Data as it is encoded, items and delimiters of encapsulated ones included."""
    element = dataset.get_item("PixelData")
    return element.value if element is not None and element.value is not None else b""
