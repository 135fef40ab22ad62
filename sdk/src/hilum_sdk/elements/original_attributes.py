"""The Original Attributes Sequence (PS3.3 C.12.1.1.9): what top-level elements were before a change."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import attrs

from hilum_sdk.elements.data_set import DataSet, items_of, set_items
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.encoding import ITEM, Encoding
from hilum_sdk.elements.errors import ElementsError
from hilum_sdk.elements.layout import encode_header
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.segments import chunks_of
from hilum_sdk.elements.vr import pad
from hilum_sdk.elements.writer import pieces

_ORIGINAL_ATTRIBUTES = 0x04000561
_MODIFIED_ATTRIBUTES = 0x04000550
_NOT_KEPT = frozenset({_ORIGINAL_ATTRIBUTES, 0x4FFE0001, 0xFFFAFFFA, 0xFFFCFFFC, 0x00080001})


@attrs.frozen(kw_only=True)
class Remembered:
    """The top-level elements of a data set as they stood, each encoded; without those that are long."""

    encoding: Encoding
    elements: Mapping[int, bytes]


def remember(top: DataSet) -> Remembered:
    """Take note of what stands in a data set."""
    return Remembered(
        encoding=top.encoding,
        elements={
            element.tag: _encoded(element)
            for element in top.elements()
            if element.size <= LARGEST_VALUE and element.tag & 0xFFFF and element.tag not in _NOT_KEPT
        },
    )


def record_originals(top: DataSet, before: Remembered, *, system: str, reason: str, at: datetime) -> None:
    """Add an item with the values of before of all that has changed since; none if nothing has.

    Raises
    ------
    ElementsError
        The encoding has changed since, so that the values of before cannot stand beside the new ones.
    """
    changed = [encoded for tag, encoded in before.elements.items() if _now(top, tag) != encoded]
    if not changed:
        return
    sequence = top.find(_ORIGINAL_ATTRIBUTES)
    if sequence is None or not sequence.is_sequence:
        sequence = top.put(_ORIGINAL_ATTRIBUTES, "SQ", b"")
    if not (before.encoding is top.encoding is sequence.items_encoding):
        raise ElementsError("(0400,0561): what was changed cannot be recorded in another encoding")
    body = b"".join(changed)
    item = encode_header(ITEM, "", len(body), top.encoding) + body
    texts = (
        (0x04000562, "DT", at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")),
        (0x04000563, "LO", system),
        (0x04000564, "LO", ""),
        (0x04000565, "CS", reason),
    )
    encoded = _element(_MODIFIED_ATTRIBUTES, "SQ", item, top.encoding)
    encoded += b"".join(_element(tag, vr, text.encode("ascii"), top.encoding) for tag, vr, text in texts)
    set_items(sequence, [*items_of(sequence), DataSet.made(sequence, encoded)])


def _now(top: DataSet, tag: int) -> bytes | None:
    found = top.find(tag)
    if found is None or found.size > LARGEST_VALUE:
        return None
    return _encoded(found)


def _encoded(element: Element) -> bytes:
    return b"".join(chunks_of(pieces(element)))


def _element(tag: int, vr: str, value: bytes, encoding: Encoding) -> bytes:
    padded = pad(vr, value)
    return encode_header(tag, vr if encoding.explicit else "", len(padded), encoding) + padded
