"""The frames of pixel data, native or encapsulated (PS3.5 8 and A.4), one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct

from pydicom.encaps import generate_frames

from hilum_sdk.elements.data_set import DataSet
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.encoding import ITEM, SEQUENCE_END
from hilum_sdk.elements.segments import Segment, SegmentReader, write_all
from hilum_sdk.elements.source import Scratch
from hilum_sdk.errors import PermanentError

NUMBER_OF_FRAMES = 0x00280008
EXTENDED_OFFSET_TABLE = 0x7FE00001
EXTENDED_OFFSET_TABLE_LENGTHS = 0x7FE00002
OFFSET_TABLES = (EXTENDED_OFFSET_TABLE, EXTENDED_OFFSET_TABLE_LENGTHS, 0x7FE00003)
"""What describes the fragments of pixel data, and is wrong once they are replaced."""

_BITS = {0x7FE00008: 32, 0x7FE00009: 64}
_ITEM = Struct("<HHL")
_MOST_OFFSET = 0xFFFFFFFF


def frames(top: DataSet) -> Iterator[bytes]:
    """The encoded frames of an object.

    Raises
    ------
    PermanentError
        It has no pixel data, or its frames cannot be told apart.
    """
    pixels = pixel_element(top)
    if pixels is None:
        raise PermanentError("frames: the object has no pixel data")
    reader = SegmentReader([pixels.piece()])
    if pixels.is_encapsulated:
        return _encapsulated(top, reader)
    return _native(reader, frame_length(top, pixels), number_of_frames(top))


def pixel_element(top: DataSet) -> Element | None:
    """The element that holds the pixels, floating or not."""
    return next((found for tag in (0x7FE00010, *_BITS) if (found := top.find(tag)) is not None), None)


def number_of_frames(top: DataSet) -> int:
    """Number of Frames (0028,0008), 1 where it is missing (PS3.3 C.7.6.6)."""
    found = top.find(NUMBER_OF_FRAMES)
    text = found.value if found is not None else b""
    try:
        return int(text.strip(b" \0")) if isinstance(text, bytes) and text.strip(b" \0") else 1
    except ValueError:
        raise PermanentError("frames: (0028,0008) Number of Frames is not a number") from None


def frame_length(top: DataSet, pixels: Element) -> int:
    """The length of one native frame in bytes (PS3.5 8.2).

    Raises
    ------
    PermanentError
        The object does not say, or its frames share bytes.
    """
    samples = _number(top, 0x00280002) or 1
    photometric = top.find(0x00280004)
    if photometric is not None and photometric.value in {b"YBR_FULL_422", b"YBR_PARTIAL_422 "}:
        samples = 2  # PS3.3 C.7.6.3.1.2: two chrominance samples for two pixels
    bits = _BITS.get(pixels.tag) or _number(top, 0x00280100)
    total = _number(top, 0x00280010) * _number(top, 0x00280011) * samples * bits
    if not total:
        raise PermanentError("frames: Rows, Columns or Bits Allocated is missing, so frames have no length")
    if total % 8 and number_of_frames(top) > 1:
        raise PermanentError("frames: they are of single bits and share bytes, so they cannot be told apart")
    return (total + 7) // 8


def native_vr(top: DataSet, tag: int) -> str:
    """The VR of native pixel data in explicit encodings (PS3.5 A.2)."""
    if tag in _BITS:
        return "OF" if _BITS[tag] == 32 else "OD"
    return "OW" if _number(top, 0x00280100) > 8 else "OB"


def encapsulate(encoded: Iterable[bytes], scratch: Scratch) -> Segment:
    """Lay out frames as fragments, one each, behind their offset table; return what follows the header."""
    body = scratch.file()
    offsets = []
    length = 0
    for frame in encoded:
        offsets.append(length)
        padded = frame + b"\0" * (len(frame) & 1)
        write_all(body, _item(ITEM, len(padded)) + padded)
        length += 8 + len(padded)
    if not offsets:
        raise ValueError("replace_pixels: no frames")
    # Offsets have 32 bits. Where they do not reach the table stays empty (PS3.5 A.4).
    table = b"".join(offset.to_bytes(4, "little") for offset in offsets) if length <= _MOST_OFFSET else b""
    write_all(body, _item(SEQUENCE_END, 0))
    return scratch.keep_pieces(
        [_item(ITEM, len(table)) + table, Segment(file=body, offset=0, length=length + 8)]
    )


def concatenate(encoded: Iterable[bytes], scratch: Scratch) -> Segment:
    """Lay out native frames one after the other, padded to even."""
    body = scratch.file()
    length = 0
    for frame in encoded:
        write_all(body, frame)
        length += len(frame)
    if not length:
        raise ValueError("replace_pixels: no frames")
    if length & 1:
        write_all(body, b"\0")
    return Segment(file=body, offset=0, length=length + (length & 1))


def _native(reader: SegmentReader, length: int, number: int) -> Iterator[bytes]:
    if reader.size < length * number:
        raise PermanentError(
            f"frames: the pixel data has {reader.size} bytes, but {number} frames of {length} are promised"
        )
    for _ in range(number):
        yield reader.read(length)


def _encapsulated(top: DataSet, reader: SegmentReader) -> Iterator[bytes]:
    extended = (_bytes(top, EXTENDED_OFFSET_TABLE), _bytes(top, EXTENDED_OFFSET_TABLE_LENGTHS))
    found = generate_frames(
        reader,
        number_of_frames=number_of_frames(top),
        extended_offsets=extended if all(extended) else None,  # type: ignore[arg-type]  # all() says so
    )
    while True:
        try:
            frame = next(found, None)
        except ValueError:
            raise PermanentError("frames: the fragments cannot be told apart by frame") from None
        if frame is None:
            return
        yield frame


def _item(tag: int, length: int) -> bytes:
    return _ITEM.pack(tag >> 16, tag & 0xFFFF, length)


def _bytes(top: DataSet, tag: int) -> bytes | None:
    found = top.find(tag)
    if found is None:
        return None
    value = found.value
    return value if isinstance(value, bytes) else value.open().read()


def _number(top: DataSet, tag: int) -> int:
    """The value of an unsigned short, 0 where it is missing."""
    value = _bytes(top, tag)
    return int.from_bytes(value[:2], "little" if top.encoding.little else "big") if value else 0
