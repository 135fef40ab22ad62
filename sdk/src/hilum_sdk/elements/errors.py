"""What can be wrong with a data set. Messages hold tags and offsets, never values."""

from __future__ import annotations


class ElementsError(ValueError):
    """The root of what this package raises about a data set."""


class MalformedDataSet(ElementsError):  # noqa: N818 - it names a state of the data, as the SDK's errors do
    """The bytes are not a data set in this transfer syntax (PS3.5 7)."""


class LimitExceeded(ElementsError):  # noqa: N818 - as above
    """Reading would have cost more than its limits allow; the data set may be well formed."""


def tag_text(tag: int) -> str:
    """Write a tag as the standard does, ``(0010,0020)``."""
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
