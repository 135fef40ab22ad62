"""Looking at what leaves, element by element, as a transform's `verify` does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hilum_sdk.elements.data_set import DataSet
from hilum_sdk.elements.draft import DRAFT_LIMITS
from hilum_sdk.elements.editor import Editor
from hilum_sdk.elements.encoding import encoding_of, is_deflated
from hilum_sdk.elements.limits import Limits
from hilum_sdk.elements.segments import Segment, SegmentReader
from hilum_sdk.elements.source import Scratch, Source

if TYPE_CHECKING:
    from hilum_sdk.views import ElementEditor, Item


@contextmanager
def elements_of(item: Item, scratch_dir: Path, *, limits: Limits = DRAFT_LIMITS) -> Iterator[ElementEditor]:
    """Give the raw elements of an item, at every depth. Nothing that is done to them changes the item.

    Parameters
    ----------
    scratch_dir
        Where a deflated data set is inflated to, in a file without a name.

    Raises
    ------
    MalformedDataSet, LimitExceeded
        It cannot be read.
    """
    scratch = Scratch(scratch_dir)
    with item.data_set() as stream:
        try:
            if is_deflated(item.transfer_syntax_uid):
                whole = scratch.inflate(stream, limits)
            else:
                whole = _in_its_file(stream) or scratch.keep(stream)
            top = DataSet.top(Source(whole, limits), encoding_of(item.transfer_syntax_uid))
            yield Editor(top, scratch)
        finally:
            scratch.close()


def _in_its_file(stream: BinaryIO) -> Segment | None:
    found = stream.file_segment() if isinstance(stream, SegmentReader) else None
    if found is None:
        return None
    descriptor, offset, length = found
    return Segment(file=io.FileIO(descriptor, "rb", closefd=False), offset=offset, length=length)
