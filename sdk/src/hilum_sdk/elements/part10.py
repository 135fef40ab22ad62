"""The File Meta Information of DICOM files (PS3.10 7.1). Knows nothing of the data set after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import Struct
from typing import BinaryIO

import attrs

from hilum_sdk.elements.errors import LimitExceeded, MalformedDataSet, tag_text
from hilum_sdk.elements.vr import LONG_CODES, SHORT_VR_OF_CODE, has_long_header, pad

IMPLEMENTATION_CLASS_UID = "2.25.33313017234537459306468936091409736017"
IMPLEMENTATION_VERSION_NAME = "HILUM_0_1"

_PREAMBLE = bytes(128) + b"DICM"
_MOST_BYTES = 1 << 20  # (0002,0102) Private Information is the only large one, and of our size at most
_FIRST_READ = 2048
_TAG = Struct("<HH")
_SHORT_HEADER = Struct("<HH2sH")
_LONG_HEADER = Struct("<HH2sHL")
_LENGTH = Struct("<L")


@attrs.frozen(kw_only=True)
class FileMeta:
    """What the File Meta Information says.

    UIDs are without padding, and empty where they are missing. ``elements`` are all elements by
    tag, as they are encoded. The data set begins ``data_set_offset`` bytes into the file.
    """

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    data_set_offset: int
    elements: Mapping[int, bytes]


def encode_file_meta(elements: Sequence[tuple[int, str, bytes]]) -> bytes:
    """Encode preamble, prefix, group length and these elements, in the order given.

    Odd values are padded by their VR. The group length is made here and must not be among them.
    """
    body = b"".join(_element(tag, vr, pad(vr, value)) for tag, vr, value in elements)
    return _PREAMBLE + _element(0x00020000, "UL", _LENGTH.pack(len(body))) + body


def minimal_file_meta(*, sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Encode the File Meta Information of a file that leaves: nothing of where it came from."""
    return encode_file_meta(
        (
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", sop_class_uid.encode()),
            (0x00020003, "UI", sop_instance_uid.encode()),
            (0x00020010, "UI", transfer_syntax_uid.encode()),
            (0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode()),
            (0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode()),
        )
    )


def read_file_meta(stream: BinaryIO) -> FileMeta:
    """Read the File Meta Information at the start of a file.

    The group length is not believed: what belongs to group 0002 is told by its tags. Afterwards the
    stream stands anywhere.

    Raises
    ------
    MalformedDataSet
        This is no DICOM file, or it ends too soon, or it does not name its transfer syntax.
    LimitExceeded
        It goes on for more than 1 MiB.
    """
    stream.seek(0)
    data = stream.read(_FIRST_READ)
    if data[: len(_PREAMBLE)][128:] != b"DICM":
        raise MalformedDataSet("file meta information: no DICM prefix at offset 128; not a DICOM file")
    elements: dict[int, bytes] = {}
    position = len(_PREAMBLE)
    while True:
        data = _with(stream, data, position + 12)
        if len(data) < position + 4 or data[position : position + 2] != b"\2\0":
            break
        tag, start, end = _bounds(data, position)
        data = _with(stream, data, end)
        if len(data) < end:
            raise MalformedDataSet(f"{tag_text(tag)} at offset {position}: the file ends within its value")
        elements[tag] = data[start:end]
        position = end
    return _file_meta(elements, position)


def _file_meta(elements: Mapping[int, bytes], offset: int) -> FileMeta:
    transfer_syntax_uid = _uid(elements, 0x00020010)
    if not transfer_syntax_uid:
        raise MalformedDataSet("(0002,0010): the file does not name its transfer syntax")
    return FileMeta(
        transfer_syntax_uid=transfer_syntax_uid,
        sop_class_uid=_uid(elements, 0x00020002),
        sop_instance_uid=_uid(elements, 0x00020003),
        data_set_offset=offset,
        elements=elements,
    )


def _element(tag: int, vr: str, value: bytes) -> bytes:
    if has_long_header(vr):
        return _LONG_HEADER.pack(tag >> 16, tag & 0xFFFF, vr.encode(), 0, len(value)) + value
    return _SHORT_HEADER.pack(tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value


def _bounds(data: bytes, position: int) -> tuple[int, int, int]:
    """The tag at this position, and where its value begins and ends."""
    if len(data) < position + 8:
        raise MalformedDataSet(f"offset {position}: the file ends within an element of group 0002")
    group, element, vr, length = _SHORT_HEADER.unpack_from(data, position)
    tag = group << 16 | element
    start = position + 8
    if vr in LONG_CODES:
        if len(data) < position + 12:
            raise MalformedDataSet(f"{tag_text(tag)} at offset {position}: the file ends within its header")
        (length,) = _LENGTH.unpack_from(data, start)
        start += 4
    elif vr not in SHORT_VR_OF_CODE:
        raise MalformedDataSet(
            f"{tag_text(tag)} at offset {position}: not explicit VR little endian (PS3.10 7.1)"
        )
    return tag, start, start + length


def _with(stream: BinaryIO, data: bytes, size: int) -> bytes:
    """The first `size` bytes of the file, or fewer where it ends."""
    if size > _MOST_BYTES:
        raise LimitExceeded(f"file meta information: more than {_MOST_BYTES} bytes")
    while len(data) < size:
        more = stream.read(max(size - len(data), _FIRST_READ))
        if not more:
            break
        data += more
    return data


def _uid(elements: Mapping[int, bytes], tag: int) -> str:
    # Padded by NUL, by some writers with spaces.
    return elements.get(tag, b"").strip(b"\0 ").decode("ascii", "replace")
