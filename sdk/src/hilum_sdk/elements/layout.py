"""How single elements are laid out (PS3.5 7.1): headers, fragments, and what writers make of them."""

from __future__ import annotations

from typing import NamedTuple

from hilum_sdk.elements.encoding import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    ITEM,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
)
from hilum_sdk.elements.errors import MalformedDataSet
from hilum_sdk.elements.vr import SHORT_VR_OF_CODE, VR_OF_CODE, has_long_header, holds_bytes
from hilum_sdk.elements.window import Window


class ElementHeader(NamedTuple):
    """The header of one element as written; `vr` is empty where it is implicit."""

    tag: int
    vr: str
    value_at: int
    length: int


def element_header(window: Window, position: int, end: int, encoding: Encoding) -> ElementHeader:
    """Read the header at `position` of an element that must end at `end`."""
    index = window.index(position, 8)
    data = window.data
    group, element, length = encoding.header.unpack_from(data, index)
    tag = group << 16 | element
    if not encoding.explicit or group == 0xFFFE:
        return ElementHeader(tag, "", position + 8, length)
    code = data[index + 4 : index + 6]
    if code in SHORT_VR_OF_CODE:
        return ElementHeader(
            tag, VR_OF_CODE[code], position + 8, encoding.short.unpack_from(data, index + 6)[0]
        )
    if code in VR_OF_CODE or (code.isalpha() and code.isupper() and data[index + 6 : index + 8] == b"\0\0"):
        index = window.index(position + 8, 4)
        (length,) = encoding.long.unpack_from(window.data, index)
        return ElementHeader(tag, VR_OF_CODE.get(code) or code.decode(), position + 12, length)
    # What has no VR was left implicit by its writer, if that makes sense; else its VR is junk.
    if length == UNDEFINED or position + 8 + length <= end:
        return ElementHeader(tag, "", position + 8, length)
    return ElementHeader(tag, "UN", position + 8, encoding.short.unpack_from(data, index + 6)[0])


def is_padding(window: Window, position: int, end: int) -> bool:
    """Whether nothing but zero bytes follows: some writers fill up the file. No element looks so."""
    if (
        window.fill(position, 4) == 4
        and window.data[position - window.start] | window.data[position - window.start + 1]
    ):
        return False
    while position < end and (count := window.fill(position, min(end - position, 4096))):
        index = position - window.start
        if window.data[index : index + count].strip(b"\0"):
            return False
        position += count
    return True


def is_fragments(tag: int, vr: str) -> bool:
    """Whether an element of undefined length holds fragments (PS3.5 A.4), not items with elements."""
    return tag == PIXEL_DATA or holds_bytes(vr)


def fragments_end(window: Window, position: int, end: int, encoding: Encoding) -> int:
    """The offset behind the delimiter of the encapsulated value that begins at `position`."""
    while True:
        index = window.index(position, 8)
        group, element, length = encoding.header.unpack_from(window.data, index)
        tag = group << 16 | element
        position += 8
        if tag == SEQUENCE_END:
            return position
        if tag != ITEM or length == UNDEFINED or position + length > end:
            raise MalformedDataSet(f"offset {position - 8}: not a fragment of encapsulated data (PS3.5 A.4)")
        position += length


def sniff(window: Window, position: int, end: int, encoding: Encoding) -> Encoding:
    """Tell how elements are really encoded, by the first one.

    Some writers put implicit items into explicit sequences, or name the other transfer syntax.
    """
    if position + 8 > end or window.fill(position, 8) < 8:
        return encoding
    index = position - window.start
    code = window.data[index + 4 : index + 6]
    if encoding.explicit:
        group, _, length = IMPLICIT_LE.header.unpack_from(window.data, index)
        fits = length == UNDEFINED or position + 8 + length <= end
        implicit = encoding.little and fits and group != 0xFFFE and not (code.isalpha() and code.isupper())
        return IMPLICIT_LE if implicit else encoding
    # Read as implicit, two letters would be a first element of more than 16 KiB.
    return EXPLICIT_LE if code in VR_OF_CODE else encoding


def encode_header(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """Encode the header of an element, or without a VR of an item or an implicit element."""
    if not vr:
        return encoding.header.pack(tag >> 16, tag & 0xFFFF, length)
    start = encoding.pair.pack(tag >> 16, tag & 0xFFFF) + vr.encode()
    if has_long_header(vr):
        return start + b"\0\0" + encoding.long.pack(length)
    return start + encoding.short.pack(length)
