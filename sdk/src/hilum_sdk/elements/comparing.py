"""Whether what a destination has already is the same object."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from hilum_sdk.elements.errors import ElementsError
from hilum_sdk.elements.part10 import read_file_meta

if TYPE_CHECKING:
    from hilum_sdk.views import Item

_CHUNK = 1 << 16


def holds_same_object(there: BinaryIO, item: Item) -> bool:
    """Compare the data sets byte by byte; File Meta Information differs with whoever wrote the file.

    `there` is seekable, and stands anywhere afterwards. False for what is no DICOM file. Raises what
    reading it raises.
    """
    try:
        meta = read_file_meta(there)
    except ElementsError:
        return False
    if meta.transfer_syntax_uid != item.transfer_syntax_uid:
        return False
    there.seek(meta.data_set_offset)
    with item.data_set() as ours:
        return same_bytes(there, ours)


def same_bytes(one: BinaryIO, other: BinaryIO) -> bool:
    """Whether two streams have the same bytes from where they stand to their ends."""
    while True:
        chunk = one.read(_CHUNK)
        if chunk != other.read(_CHUNK):
            return False
        if not chunk:
            return True
