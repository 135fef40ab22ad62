"""How a sink reads what leaves: piece by piece, alive all the while, and blamed for nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hilum_sdk.errors import TemporaryError

if TYPE_CHECKING:
    from hilum_sdk.context import ComponentContext
    from hilum_sdk.views import Item


def part10_chunks(item: Item, context: ComponentContext, *, chunk_bytes: int = 1 << 20) -> Iterator[bytes]:
    """Give the DICOM file of an object in pieces of `chunk_bytes`, the last one shorter; beat after each.

    Raises
    ------
    TemporaryError
        The router's own disk failed: no fault of the destination, whose errors are the sink's to tell.
    """
    try:
        with item.part10() as source:
            while chunk := source.read(chunk_bytes):
                yield chunk
                context.beat()
    except OSError as error:
        raise TemporaryError(
            f"{context.label}: the object cannot be read from the router's disk ({error.strerror})"
        ) from None
