"""Frames, and putting others in their place."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from hilum_sdk import PermanentError

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"


def sample(name: str) -> Path:
    path = get_testdata_file(name)
    assert path is not None
    return Path(path)


def written(draft) -> bytes:
    out = io.BytesIO()
    draft.write_data_set(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "SC_rgb_rle_2frame.dcm",
        "emri_small_jpeg_2k_lossless.dcm",
        "color3d_jpeg_baseline.dcm",  # 120 frames
        "JPEG2000-embedded-sequence-delimiter.dcm",
    ],
)
def test_encapsulated_frames_are_those_that_pydicom_finds(name, open_draft):
    dataset = pydicom.dcmread(sample(name))
    number = int(dataset.get("NumberOfFrames", 1))
    with open_draft(sample(name)) as draft:
        assert list(draft.frames()) == list(generate_frames(dataset.PixelData, number_of_frames=number))


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "SC_rgb_2frame.dcm",
        "SC_rgb_small_odd.dcm",
        "SC_ybr_full_422_uncompressed.dcm",
        "emri_small.dcm",
        "liver_1frame.dcm",
        "image_dfl.dcm",
        "rtdose.dcm",
    ],
)
def test_native_frames_are_those_that_pydicom_finds(name, open_draft):
    dataset = pydicom.dcmread(sample(name))
    number = int(dataset.get("NumberOfFrames", 1))
    with open_draft(sample(name)) as draft:
        frames = list(draft.frames())
    assert len(frames) == number
    joined = b"".join(frames)
    assert dataset.PixelData[: len(joined)] == joined
    assert len(dataset.PixelData) - len(joined) in {0, 1}


def short(tag: int, *numbers: int) -> bytes:
    size = 2 * len(numbers)
    return struct.pack(f"<HH2sH{len(numbers)}H", tag >> 16, tag & 0xFFFF, b"US", size, *numbers)


FRAMES = struct.pack("<HH2sH2s", 0x0028, 0x0008, b"IS", 2, b"2 ")
PIXELS = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 4) + b"\1\2\3\4"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (FRAMES, "no pixel data"),
        (PIXELS, "Rows"),
        (FRAMES + short(0x00280010, 3) + short(0x00280011, 3) + short(0x00280100, 1) + PIXELS, "share bytes"),
        (
            FRAMES + short(0x00280010, 2) + short(0x00280011, 2) + short(0x00280100, 8) + PIXELS,
            "4 bytes, but",
        ),
        (struct.pack("<HH2sH2s", 0x0028, 0x0008, b"IS", 2, b"xy") + PIXELS, "not a number|Rows"),
    ],
)
def test_frames_that_cannot_be_told_apart_are_refused(data, why, make_file, open_draft):
    with open_draft(make_file(data, EXPLICIT)) as draft, pytest.raises(PermanentError, match=why):
        list(draft.frames())


@pytest.mark.parametrize(
    "name",
    ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm", "SC_rgb_rle.dcm"],
)
def test_pixels_can_be_encapsulated_from_every_encoding(name, open_draft, make_file):
    fragments = [b"\xff\xd8\xff\xd9", b"\xff\xd8\0\xff\xd9"]
    with open_draft(sample(name)) as draft:
        before = pydicom.dcmread(sample(name))
        draft.replace_pixels(JPEG, iter(fragments))
        draft.elements.put((0x00280008,), "IS", b"2")
        draft.next_transform()
        assert draft.transfer_syntax_uid == JPEG
        assert list(draft.frames()) == [fragments[0], fragments[1] + b"\0"]
        assert draft.changed
        path = make_file(written(draft), JPEG)
    after = pydicom.dcmread(path)
    assert after["PixelData"].is_undefined_length
    assert after["PixelData"].VR == "OB"
    assert list(generate_frames(after.PixelData, number_of_frames=2)) == [fragments[0], fragments[1] + b"\0"]
    assert after.SOPInstanceUID == before.SOPInstanceUID
    assert after.Rows == before.Rows
    assert len(after) >= len([tag for tag in before.keys() if tag & 0xFFFF]) - 1  # noqa: SIM118


@pytest.mark.parametrize("uid", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED])
def test_pixels_can_be_made_native_and_keep_what_is_read_through_pydicom(uid, open_draft, make_file):
    path = sample("MR_small_RLE.dcm")
    with open_draft(path) as draft:
        draft.dataset.PatientID = "17"
        draft.replace_pixels(uid, [b"\1\2" * (64 * 64)])
        path = make_file(written(draft), uid)
    after = pydicom.dcmread(path)
    assert after.PatientID == "17"
    assert after.PixelData == b"\1\2" * (64 * 64)
    assert after["PixelData"].VR == "OW"


def test_frames_may_be_made_of_the_frames_that_are_replaced(open_draft):
    path = sample("SC_rgb_rle_2frame.dcm")
    with open_draft(path) as draft:
        frames = list(draft.frames())
        draft.replace_pixels(RLE, (frame[::-1] for frame in draft.frames()))
        draft.next_transform()
        assert list(draft.frames()) == [frame[::-1] for frame in frames]


def test_offset_tables_of_what_is_replaced_go(open_draft, make_file):
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    table = struct.pack("<HH2sHLQ", 0x7FE0, 0x0001, b"OV", 0, 8, 0)
    lengths = struct.pack("<HH2sHLQ", 0x7FE0, 0x0002, b"OV", 0, 8, 2)
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
    fragment = struct.pack("<HHL", 0xFFFE, 0xE000, 2) + b"\1\2"
    path = make_file(table + lengths + pixels + item + fragment + end, JPEG)
    with open_draft(path) as draft:
        assert list(draft.frames()) == [b"\1\2"]
        draft.replace_pixels(JPEG, [b"\3\4"])
        draft.next_transform()
        assert [element.tag for _, element in draft.elements.walk()] == [0x7FE00010]
        offsets = struct.pack("<HHL", 0xFFFE, 0xE000, 4) + bytes(4)
        assert written(draft) == (pixels + offsets + struct.pack("<HHL", 0xFFFE, 0xE000, 2) + b"\3\4" + end)


def test_no_frames_are_refused(open_draft):
    with open_draft(sample("CT_small.dcm")) as draft:
        for uid in (JPEG, EXPLICIT):
            with pytest.raises(ValueError, match="no frames"):
                draft.replace_pixels(uid, [])


def test_float_pixels_keep_their_element(open_draft, make_file):
    rows = struct.pack("<HH2sHH", 0x0028, 0x0010, b"US", 2, 1)
    columns = struct.pack("<HH2sHH", 0x0028, 0x0011, b"US", 2, 2)
    pixels = struct.pack("<HH2sHL2f", 0x7FE0, 0x0008, b"OF", 0, 8, 1.0, 2.0)
    with open_draft(make_file(rows + columns + pixels, EXPLICIT)) as draft:
        frames = list(draft.frames())
        assert frames == [struct.pack("<2f", 1.0, 2.0)]
        draft.replace_pixels(EXPLICIT, itertools.chain(frames))
        assert written(draft) == rows + columns + pixels
