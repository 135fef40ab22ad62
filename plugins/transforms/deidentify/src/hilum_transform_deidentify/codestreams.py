"""What stands in compressed images beside the picture: comments, EXIF, colour profiles, thumbnails, tails.

JPEG and JPEG-LS keep it in segments before the first scan (ITU-T T.81 B.2, T.87 C.2), JPEG 2000 in its
main header (T.800 A.9). No decoder needs it, but for a few segments that say how colours are coded.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from hilum_sdk import Bulk, Draft
from hilum_sdk.elements.encoding import PIXEL_DATA, is_native

_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_HEADER = struct.Struct("<4sL")
_HEAD = 4 << 10  # holds the segments before the first scan, of what has nothing to be taken out
_LONGEST_HEAD = 1 << 20
_TAIL = 4

_JPEG = b"\xff\xd8"
_JPEG_2000 = b"\xff\x4f"
_END_OF_IMAGE = b"\xff\xd9"
_DATA_BEGINS = {_JPEG: 0xDA, _JPEG_2000: 0x90}  # Start of Scan, Start of Tile-part
_COMMENT = {_JPEG: 0xFE, _JPEG_2000: 0x64}
_APPLICATION = range(0xE0, 0xF0)
# Application segments that say how colours are coded: of JFIF, Adobe, SPIFF, and HP's transform for JPEG-LS.
_NEEDED = {0xE0: (b"JFIF\0",), 0xE8: (b"SPIFF\0", b"mrfx"), 0xEE: (b"Adobe",)}
_JFIF = 0xE0
_JFIF_LENGTH = 16  # without the thumbnail that may follow

_Segment = tuple[int, bytes]
"""A marker's second byte, and what follows its length."""


def strip_pixels(draft: Draft) -> int:
    """Take such things out of the draft's compressed pixels; return how many images had any.

    Where there are none, pixels are not touched, and read no further than what stands before them.

    Raises
    ------
    PermanentError
        There are some, and the frames cannot be told apart.
    """
    element = None if is_native(draft.transfer_syntax_uid) else draft.elements.get((PIXEL_DATA,))
    if element is None or not any(_has_more(*ends) for ends in _ends_of_fragments(element.value)):
        return 0
    changed = 0

    def frames() -> Iterator[bytes]:
        nonlocal changed
        for frame in draft.frames():
            made = stripped(frame)
            changed += made != frame
            yield made

    draft.replace_pixels(draft.transfer_syntax_uid, frames())
    return changed


def heads_of_images(value: bytes | Bulk) -> Iterator[bytes]:
    """What stands in compressed pixels beside the pictures: before each one, and its last bytes."""
    for head, tail in _ends_of_fragments(value):
        _, data_at = _segments(head)
        yield head[:data_at] if data_at else head
        yield tail


def stripped(image: bytes) -> bytes:
    """Give a codestream without what no decoder needs; as it was where that cannot be told."""
    segments, data_at = _segments(image)
    if not data_at:
        return image
    kind = image[:2]
    kept = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        for marker, body in (_kept(kind, segment) for segment in segments)
        if body is not None
    )
    return kind + kept + image[data_at : _end(image, data_at)]


def _end(image: bytes, data_at: int) -> int:
    """Where the picture ends: what follows, but for a padding byte, belongs to nothing."""
    if not image.startswith(_JPEG):
        return len(image)
    # In a scan FF is followed by 00 or the number of a restart: what looks like the end is the end.
    found = image.find(_END_OF_IMAGE, data_at)
    return found + 2 if found >= 0 and len(image) > found + 2 + (found & 1) else len(image)


def _segments(image: bytes) -> tuple[list[_Segment], int]:
    """The segments before the picture's data, and where that begins; 0 where it is no codestream."""
    begins = _DATA_BEGINS.get(image[:2])
    found: list[_Segment] = []
    position = 2
    while begins is not None and len(image) >= position + 4 and image[position] == 0xFF:
        marker, (length,) = image[position + 1], struct.unpack_from(">H", image, position + 2)
        if marker == begins:
            return found, position
        if length < 2:
            break
        found.append((marker, image[position + 4 : position + 2 + length]))
        position += 2 + length
    return [], 0


def _kept(kind: bytes, segment: _Segment) -> tuple[int, bytes | None]:
    """A segment as it stays, or with no body if it goes."""
    marker, body = segment
    is_application = kind == _JPEG and marker in _APPLICATION
    if marker == _COMMENT[kind] or (is_application and not body.startswith(_NEEDED.get(marker, ()))):
        return marker, None
    if is_application and marker == _JFIF and len(body) + 2 > _JFIF_LENGTH:
        return marker, body[: _JFIF_LENGTH - 4] + b"\0\0"  # its width and height are none
    return segment


def _has_more(head: bytes, tail: bytes) -> bool:
    """Whether there may be something to take out of a fragment, by its first bytes and its last."""
    segments, data_at = _segments(head)
    if not data_at:
        return False
    kind = head[:2]
    has_tail = kind == _JPEG and not (tail.endswith(_END_OF_IMAGE) or tail[:-1].endswith(_END_OF_IMAGE))
    return has_tail or any(_kept(kind, segment) != segment for segment in segments)


def _ends_of_fragments(value: bytes | Bulk) -> Iterator[tuple[bytes, bytes]]:
    """The head of each fragment, as far as its segments go, and its last bytes."""
    with io.BytesIO(value) if isinstance(value, bytes) else value.open() as stream:
        while True:
            header = stream.read(_ITEM_HEADER.size)
            if len(header) < _ITEM_HEADER.size or header[:4] != _ITEM:
                return
            (_, length) = _ITEM_HEADER.unpack(header)
            start = stream.tell()
            head = stream.read(min(length, _HEAD))
            if head[:2] in _DATA_BEGINS:
                yield _longer(stream, head, length), _tail(stream, start, length)
            stream.seek(start + length)


def _longer(stream: BinaryIO, head: bytes, length: int) -> bytes:
    """Read on where the segments do not end in the head: what is that long has something in it."""
    if len(head) < length and not _segments(head)[1]:
        head += stream.read(min(length, _LONGEST_HEAD) - len(head))
    return head


def _tail(stream: BinaryIO, start: int, length: int) -> bytes:
    stream.seek(start + max(length - _TAIL, 0))
    return stream.read(min(length, _TAIL))
