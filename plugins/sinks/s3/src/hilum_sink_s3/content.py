"""What is stored of an object: a DICOM file, whose size and checksum are known before it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import attrs

from hilum_sdk import ComponentContext, Item
from hilum_sdk.reading import part10_chunks
from hilum_sink_s3.config import PART_BYTES

_MOST_PARTS = 10_000


@attrs.frozen(kw_only=True)
class Content:
    """The file. ``whole`` is all of it where it fits into memory; `chunks` reads it anew each time."""

    size_bytes: int
    sha256: str
    whole: bytes | None
    chunks: Callable[[], Iterator[bytes]]

    @property
    def part_bytes(self) -> int:
        """The size of the parts that it is sent in."""
        return max(PART_BYTES, -(-self.size_bytes // _MOST_PARTS))


def content_of(item: Item, context: ComponentContext, *, at_once: int) -> Content:
    """Read an object once, for its checksum, and keep it if it has at most `at_once` bytes.

    Raises
    ------
    TemporaryError
        The router's own disk failed.
    """

    def chunks() -> Iterator[bytes]:
        return part10_chunks(item, context)

    digest = hashlib.sha256()
    kept: list[bytes] | None = [] if item.part10_bytes <= at_once else None
    size = 0
    for chunk in chunks():
        digest.update(chunk)
        size += len(chunk)
        if kept is not None:
            kept.append(chunk)
    return Content(
        size_bytes=size,
        sha256=digest.hexdigest(),
        whole=None if kept is None else b"".join(kept),
        chunks=chunks,
    )
