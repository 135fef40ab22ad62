"""Headers as filters and sinks see them."""

from __future__ import annotations

import io
import struct

import pytest

from hilum_sdk.elements import Limits, read_header
from hilum_sdk.elements.inflate import deflated

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in {b"OW", b"OB", b"UN", b"SQ", b"UT"}:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def item(elements: bytes) -> bytes:
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(elements)) + elements


def read(data: bytes, uid: str = EXPLICIT, **options):
    return read_header(io.BytesIO(data), uid, **options)


def test_it_begins_where_the_stream_stands():
    stream = io.BytesIO(b"not this" + explicit(0x00100020, b"LO", b"17"))
    stream.seek(8)
    assert read_header(stream, EXPLICIT).PatientID == "17"


def test_text_is_decoded_by_the_character_set_though_nobody_needs_it():
    name = explicit(0x00100010, b"PN", "Ωμέγα^".encode())
    inner = explicit(0x00080005, b"CS", b"ISO_IR 100") + explicit(0x00080104, b"LO", "é ".encode("latin-1"))
    outer = explicit(0x00080104, b"LO", "é".encode())
    data = (
        explicit(0x00080005, b"CS", b"ISO_IR 192")
        + explicit(0x00081140, b"SQ", item(inner) + item(outer))
        + name
    )
    header = read(data, needs=[0x00081140, 0x00100010])
    assert header.PatientName == "Ωμέγα^"
    assert [item.CodeMeaning for item in header[0x00081140].value] == ["é", "é"]


def test_an_unneeded_element_is_not_there():
    data = explicit(0x00080060, b"CS", b"CT") + explicit(0x00100020, b"LO", b"17")
    assert set(read(data, needs=[0x00100020]).keys()) == {0x00100020}
    assert set(read(data, needs=[]).keys()) == set()


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("needs", [None, {0x00409096}])
def test_signs_of_nested_numbers_follow_pixel_representation_of_what_holds_them(undefined, needs):
    inner = item(implicit(0x00280106, b"\xff\xff"))
    if undefined:
        end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
        sequence = struct.pack("<HHL", 0x0040, 0x9096, 0xFFFFFFFF) + inner + end
    else:
        sequence = implicit(0x00409096, inner)
    for sign, expected in ((b"\1\0", -1), (b"\0\0", 65535)):
        header = read(implicit(0x00280103, sign) + sequence, IMPLICIT, needs=needs)
        assert header[0x00409096].value[0].SmallestImagePixelValue == expected


def test_large_values_are_left_out_at_every_depth():
    large = explicit(0x00420011, b"OB", bytes(70_000))
    small = explicit(0x00080104, b"LO", b"x ")
    data = explicit(0x00081140, b"SQ", item(small + large)) + large
    header = read(data)
    assert set(header.keys()) == {0x00081140}
    assert set(header[0x00081140].value[0].keys()) == {0x00080104}
    assert set(read(data, largest_value=100_000).keys()) == {0x00081140, 0x00420011}


def test_a_sequence_of_any_size_is_read_if_needed_and_stepped_over_if_not():
    many = explicit(0x52009230, b"SQ", item(explicit(0x00080104, b"LO", b"x" * 60)) * 2000)
    behind = explicit(0x60000010, b"US", b"\1\0")
    assert len(read(many + behind)[0x52009230].value) == 2000
    limits = Limits(bytes_read=20_000)
    assert set(read(many + behind, needs=[0x60000010], limits=limits).keys()) == {0x60000010}


def test_what_stands_behind_pixel_data_is_part_of_it():
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + item(bytes(70_000))
    data = pixels + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0) + explicit(0x7FE10010, b"LO", b"ACME")
    assert set(read(data).keys()) == {0x7FE10010}


def test_a_deflated_one_is_read_forwards():
    un = explicit(0x00091001, b"UN", item(implicit(0x00100010, b"DOE ")))
    data = (
        explicit(0x00081140, b"SQ", item(explicit(0x00080104, b"LO", b"x ")))
        + un
        + explicit(0x00420011, b"OB", bytes(200_000))
        + explicit(0x00480105, b"SQ", item(explicit(0x00080104, b"LO", b"y ") * 2000))
        + explicit(0x7FE00010, b"OW", bytes(1_000_000))
        + explicit(0xFFFCFFFC, b"OB", b"\0\0")
    )
    header = read(b"".join(deflated(iter([data]))), DEFLATED)
    assert set(header.keys()) == {0x00081140, 0x00091001, 0x00480105, 0xFFFCFFFC}
    assert header[0x00091001].value[0].PatientName == "DOE"


def test_it_is_not_what_the_transfer_syntax_says_but_what_is_there():
    data = implicit(0x00080060, b"CT") + implicit(0x00100020, b"17")
    assert read(data, EXPLICIT).PatientID == "17"
    data = explicit(0x00080060, b"CS", b"CT") + explicit(0x00100020, b"LO", b"17")
    assert read(data, IMPLICIT).PatientID == "17"


@pytest.mark.parametrize("vr", [b"??", b"\0\0", b"  ", b"lo"])
def test_a_vr_that_is_none_is_stepped_over(vr):
    junk = struct.pack("<HH2sH", 0x0009, 0x1001, vr, 4) + b"junk"
    data = explicit(0x00080060, b"CS", b"CT") + junk + explicit(0x00100020, b"LO", b"17")
    if vr == b"\0\0":  # then it is the length of an implicit element
        data = explicit(0x00080060, b"CS", b"CT") + implicit(0x00091001, b"junk") + data[-10:]
    assert read(data, needs=[0x00100020]).PatientID == "17"


def test_a_vr_yet_to_be_invented_has_a_long_length():
    new = struct.pack("<HH2sHL", 0x0009, 0x1001, b"ZZ", 0, 4) + b"new!"
    data = new + explicit(0x00100020, b"LO", b"17")
    assert read(data).PatientID == "17"


def test_big_endian_numbers_are_decoded():
    data = struct.pack(">HH2sHH", 0x0028, 0x0010, b"US", 2, 512)
    assert read(data, BIG_ENDIAN).Rows == 512
