"""What stands in compressed images beside the picture goes; the picture stays what it was."""

from __future__ import annotations

import io
import struct

import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames

from hilum_transform_deidentify.codestreams import stripped

from .conftest import encoded

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
PLANTED = b"DOE^PLANTED"
SIZE = 64


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpeg(seed: int = 0, *, planted: bool = True, kind: str = "JPEG") -> bytes:
    picture = Image.frombytes("L", (SIZE, SIZE), bytes((seed + 3 * i) % 251 for i in range(SIZE * SIZE)))
    out = io.BytesIO()
    picture.save(out, kind, **({"no_jp2": True} if kind == "JPEG2000" else {}))
    image = out.getvalue()
    if not planted:
        return image
    if kind == "JPEG2000":
        siz = 4 + struct.unpack_from(">H", image, 4)[0]
        return image[:siz] + segment(0x64, b"\0\1" + PLANTED) + image[siz:]
    more = (
        segment(0xE1, b"Exif\0\0" + PLANTED)
        + segment(0xE2, b"ICC_PROFILE\0" + PLANTED)
        + segment(0xEB, b"JP" + PLANTED)
        + segment(0xFE, PLANTED)
        + segment(0xE0, b"JFXX\0" + PLANTED)
    )
    return image[:2] + more + image[2:] + PLANTED


def pixels(image: bytes) -> bytes:
    return Image.open(io.BytesIO(image)).tobytes()


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_segments_go_and_the_picture_stays(kind):
    image = jpeg(kind=kind)
    made = stripped(image)
    assert PLANTED in image
    assert PLANTED not in made
    assert pixels(made) == pixels(image)


def test_a_picture_with_nothing_beside_it_keeps_its_bytes():
    image = jpeg(planted=False)
    assert stripped(image) == image
    assert stripped(image + b"\0") in {image, image + b"\0"}


def test_a_thumbnail_goes_and_how_colours_are_coded_stays():
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    jfif = b"JFIF\0\1\1\0\0\1\0\1"
    image = jpeg(planted=False)
    rest = image[2 + 2 + struct.unpack_from(">H", image, 4)[0] :]
    made = stripped(b"\xff\xd8" + segment(0xE0, jfif + b"\2\2" + b"thumbnail...") + adobe + rest)
    assert made == b"\xff\xd8" + segment(0xE0, jfif + b"\0\0") + adobe + rest


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe1\0\1", b"RLE", b"\xff\xd8\xff\xe1\xff\xff.."],
)
def test_what_is_no_codestream_stays(data):
    assert stripped(data) == data


def an_object(frames: list[bytes]) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID, data_set.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    data_set.NumberOfFrames = len(frames)
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.Rows = data_set.Columns = SIZE
    data_set.BitsAllocated = data_set.BitsStored = 8
    data_set.HighBit, data_set.PixelRepresentation = 7, 0
    data_set.PixelData = encapsulate(frames)
    data_set["PixelData"].VR = "OB"
    data_set["PixelData"].is_undefined_length = True
    return data_set


@pytest.mark.parametrize(("kind", "uid"), [("JPEG", JPEG_BASELINE), ("JPEG2000", JPEG_2000)])
def test_frames_of_an_object_are_stripped_where_there_is_something(deidentify, kind, uid):
    images = [jpeg(1, kind=kind), jpeg(2, planted=False, kind=kind), jpeg(3, kind=kind)]
    result = deidentify(an_object(images), uid)
    assert PLANTED not in result.data_set
    made = list(generate_frames(result.read.PixelData, number_of_frames=3))
    assert [pixels(frame) for frame in made] == [pixels(image) for image in images]
    assert result.notes["removed images"] >= 2


def test_large_frames_are_looked_into_too(deidentify):
    long = jpeg(1)
    image = long[:2] + segment(0xE1, b"Exif\0\0" + bytes(60_000)) * 3 + long[2:]
    result = deidentify(an_object([image]), JPEG_BASELINE)
    assert PLANTED not in result.data_set
    assert len(result.data_set) < 10_000


def test_clean_pixels_keep_their_bytes(deidentify):
    data_set = an_object([jpeg(1, planted=False), jpeg(2, planted=False)])
    result = deidentify(data_set, JPEG_BASELINE)
    assert "removed images" not in result.notes
    assert result.data_set.endswith(encoded(data_set)[-len(data_set.PixelData) :])


@pytest.mark.parametrize(
    "name",
    ["JPGLosslessP14SV1_1s_1f_8b.dcm", "JPEG-LL.dcm", "MR2_J2KI.dcm", "emri_small_jpeg_ls_lossless.dcm"],
)
def test_pictures_of_others_stay_what_they_were(name):
    read = pydicom.dcmread(get_testdata_file(name))
    for frame in generate_frames(read.PixelData, number_of_frames=int(read.get("NumberOfFrames", 1))):
        made = stripped(frame)
        assert len(made) <= len(frame)
        tail = made[-200:].rstrip(b"\0")
        assert tail in frame
