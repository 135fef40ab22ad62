"""Re-encoding: VR and byte order only, compared with pydicom and DCMTK's dcmconv."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from itertools import permutations
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from hilum_sdk.elements import ElementsError, MalformedDataSet, reencode, transfer_syntaxes_from
from hilum_sdk.elements.inflate import inflated

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
NATIVE = [IMPLICIT, EXPLICIT, DEFLATED, BIG_ENDIAN]
DCMCONV = {IMPLICIT: "+ti", EXPLICIT: "+te", BIG_ENDIAN: "+tb"}

SAMPLES = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "rtplan.dcm",
    "rtdose.dcm",
    "reportsi.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
    "nested_priv_SQ.dcm",
    "priv_SQ.dcm",
    "image_dfl.dcm",
    "liver_expb_1frame.dcm",
    "mlut_18.dcm",
    "DICOMDIR-bigEnd",
]
MOSTLY_PRIVATE = {"nested_priv_SQ.dcm", "priv_SQ.dcm"}


def again(data: bytes, before: str, after: str) -> bytes:
    out = io.BytesIO()
    length = reencode(io.BytesIO(data), out, from_transfer_syntax_uid=before, to_transfer_syntax_uid=after)
    assert length == len(out.getvalue())
    return out.getvalue()


def parsed(data: bytes, uid: str) -> Dataset:
    if uid == DEFLATED:
        data = b"".join(inflated(io.BytesIO(data)))
    return read_dataset(io.BytesIO(data), uid == IMPLICIT, uid != BIG_ENDIAN)


def sample(name: str) -> Path:
    path = get_testdata_file(name)
    assert path is not None
    return Path(path)


def same(ours: Dataset, theirs: Dataset, *, numbers_in_bytes: bool) -> int:
    """Assert that both hold the same, as far as both know how to decode it; say how much that was.

    What was private or unknown in implicit VR is UN in both, or its VR is lost in one.
    """
    compared = 0
    todo = [(ours, theirs)]
    while todo:
        a, b = todo.pop()
        tags = {tag for tag in (*a.keys(), *b.keys()) if tag & 0xFFFF}
        for tag in tags:
            x, y = a[tag], b[tag]
            if x.VR == "SQ" and y.VR == "SQ":
                assert len(x.value) == len(y.value)
                todo.extend(zip(x.value, y.value, strict=True))
            elif x.VR == y.VR and (numbers_in_bytes or x.VR not in {"OW", "OF", "OD", "OL", "OV"}):
                assert x.value == y.value or repr(x.value) == repr(y.value)
                compared += 1
    return compared


@pytest.mark.parametrize("after", NATIVE)
@pytest.mark.parametrize("name", SAMPLES)
def test_what_pydicom_reads_is_the_same_in_every_native_transfer_syntax(name, after, data_set_of, meta_of):
    path = sample(name)
    before, data = meta_of(path).transfer_syntax_uid, data_set_of(path)
    swapped = (before == BIG_ENDIAN) != (after == BIG_ENDIAN)
    ours = parsed(again(data, before, after), after)
    theirs = parsed(data, before)
    # UN is little endian by PS3.5 6.2.2; pydicom decodes those private ones that it knows by the byte
    # order around them.
    if swapped:
        for data_set in (ours, theirs):
            for tag in [tag for tag in data_set.keys() if tag >> 16 & 1]:  # noqa: SIM118
                del data_set[tag]
    assert same(ours, theirs, numbers_in_bytes=not swapped) or name in MOSTLY_PRIVATE


@pytest.mark.parametrize("after", DCMCONV)
@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "DICOMDIR-bigEnd"])
def test_dcmconv_makes_the_same_of_it(name, after, data_set_of, meta_of, tmp_path):
    dcmconv = shutil.which("dcmconv")
    if dcmconv is None:
        pytest.skip("needs DCMTK's dcmconv")
    path = sample(name)
    theirs_path = tmp_path / "theirs.dcm"
    done = subprocess.run(
        [dcmconv, "-q", DCMCONV[after], str(path), str(theirs_path)], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"dcmconv refuses {name}")
    ours = parsed(again(data_set_of(path), meta_of(path).transfer_syntax_uid, after), after)
    theirs = parsed(data_set_of(theirs_path), after)
    for data_set in (ours, theirs):
        for tag in [tag for tag in data_set.keys() if tag >> 16 & 1 or tag == 0xFFFCFFFC]:  # noqa: SIM118
            del data_set[tag]
    assert same(ours, theirs, numbers_in_bytes=True) or name in MOSTLY_PRIVATE


@pytest.mark.parametrize(("before", "after"), list(permutations([EXPLICIT, BIG_ENDIAN, DEFLATED], 2)))
@pytest.mark.parametrize("name", ["MR_small.dcm", "rtdose_1frame.dcm", "reportsi.dcm", "CT_small.dcm"])
def test_there_and_back_is_as_it_was_where_vrs_are_kept(name, before, after, data_set_of, meta_of):
    path = sample(name)
    data = data_set_of(path)
    start = again(data, meta_of(path).transfer_syntax_uid, before)
    back = again(again(start, before, after), after, before)
    assert back == start


@pytest.mark.parametrize("name", SAMPLES)
def test_to_the_same_transfer_syntax_is_a_copy(name, data_set_of, meta_of):
    data, uid = data_set_of(sample(name)), meta_of(sample(name)).transfer_syntax_uid
    assert again(data, uid, uid) == data


def implicit(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value


def explicit(tag: int, vr: bytes, value: bytes) -> bytes:
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr)
    if vr in {b"OW", b"OB", b"UN", b"SQ"}:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (implicit(0x00100010, b"DOE "), explicit(0x00100010, b"PN", b"DOE ")),
        (implicit(0x00091001, b"\1\2"), explicit(0x00091001, b"UN", b"\1\2")),
        (implicit(0x00090010, b"ACME"), explicit(0x00090010, b"LO", b"ACME")),
        (implicit(0x00080000, b"\4\0\0\0"), b""),  # a group length, which would be wrong
        (implicit(0x00280106, b"\1\0"), explicit(0x00280106, b"US", b"\1\0")),
        (
            implicit(0x00280103, b"\1\0") + implicit(0x00280106, b"\1\0"),
            explicit(0x00280103, b"US", b"\1\0") + explicit(0x00280106, b"SS", b"\1\0"),
        ),
        (implicit(0x7FE00010, b"\1\2"), explicit(0x7FE00010, b"OW", b"\1\2")),
        (implicit(0x60023000, b"\1\2"), explicit(0x60023000, b"OW", b"\1\2")),
        (implicit(0x00104000, bytes(70_000)), explicit(0x00104000, b"UN", bytes(70_000))),
        (implicit(0x00081140, b""), explicit(0x00081140, b"SQ", b"")),
    ],
)
def test_the_vrs_that_implicit_lacks_are_found(data, expected):
    assert again(data, IMPLICIT, EXPLICIT) == expected


def test_pixel_representation_holds_for_the_items_below_it():
    item = implicit(0x00280106, b"\1\0")
    sequence = struct.pack("<HHL", 0x0040, 0x9096, len(item) + 8) + struct.pack(
        "<HHL", 0xFFFE, 0xE000, len(item)
    )
    data = implicit(0x00280103, b"\1\0") + sequence + item
    assert b"\x28\0\x06\x01SS" in again(data, IMPLICIT, EXPLICIT)


def test_private_sequences_stay_un_or_become_sequences_by_their_length():
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 12) + implicit(0x00100010, b"DOE ")
    assert again(implicit(0x00091001, item), IMPLICIT, EXPLICIT) == explicit(0x00091001, b"UN", item)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    undefined = struct.pack("<HHL", 0x0009, 0x1001, 0xFFFFFFFF) + item + end
    inner = struct.pack("<HHL", 0xFFFE, 0xE000, 12) + explicit(0x00100010, b"PN", b"DOE ")
    assert again(undefined, IMPLICIT, EXPLICIT) == (
        struct.pack("<HH2sHL", 0x0009, 0x1001, b"SQ", 0, 0xFFFFFFFF) + inner + end
    )


@pytest.mark.parametrize(
    ("vr", "width"), [(b"OB", 1), (b"UN", 1), (b"OW", 2), (b"OL", 4), (b"OF", 4), (b"OD", 8), (b"OV", 8)]
)
def test_large_values_are_turned_round_by_their_vr(vr, width):
    value = bytes(range(256)) * 5000  # more than one chunk
    data = struct.pack("<HH2sHL", 0x0009, 0x1001, vr, 0, len(value)) + value
    turned = b"".join(value[at : at + width][::-1] for at in range(0, len(value), width))
    out = again(data, EXPLICIT, BIG_ENDIAN)
    assert out == struct.pack(">HH2sHL", 0x0009, 0x1001, vr, 0, len(value)) + turned


def test_a_codec_is_not_what_this_is():
    with pytest.raises(ElementsError, match="codec"):
        again(b"", EXPLICIT, "1.2.840.10008.1.2.4.50")


def test_encapsulated_data_where_none_can_be_keeps_its_byte_order_or_is_refused():
    fragments = struct.pack("<HHL", 0xFFFE, 0xE000, 2) + b"\1\2" + struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    data = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + fragments
    assert again(data, EXPLICIT, IMPLICIT) == struct.pack("<HHL", 0x7FE0, 0x0010, 0xFFFFFFFF) + fragments
    with pytest.raises(MalformedDataSet, match="encapsulated"):
        again(data, EXPLICIT, BIG_ENDIAN)


def test_many_elements_are_not_all_held(monkeypatch):
    monkeypatch.setattr("hilum_sdk.elements.reencoding._MOST_STEPS", 3)
    test_the_vrs_that_implicit_lacks_are_found(
        b"".join(implicit(0x00100010 + number, b"A ") for number in range(4)),
        explicit(0x00100010, b"PN", b"A ")
        + explicit(0x00100011, b"UN", b"A ")
        + explicit(0x00100012, b"UN", b"A ")
        + explicit(0x00100013, b"UN", b"A "),
    )


@pytest.mark.parametrize(
    ("uid", "offered"),
    [
        (IMPLICIT, (IMPLICIT, EXPLICIT)),
        (EXPLICIT, (EXPLICIT, IMPLICIT)),
        (BIG_ENDIAN, (BIG_ENDIAN, EXPLICIT, IMPLICIT)),
        (DEFLATED, (DEFLATED, EXPLICIT, IMPLICIT)),
        ("1.2.840.10008.1.2.4.50", ("1.2.840.10008.1.2.4.50",)),
        ("1.2.3", ("1.2.3",)),
    ],
)
def test_native_objects_can_leave_in_implicit_and_explicit_too(uid, offered):
    assert transfer_syntaxes_from(uid) == offered


def test_pixels_come_out_as_another_writer_has_them(data_set_of):
    ours = again(data_set_of(sample("MR_small_bigendian.dcm")), BIG_ENDIAN, EXPLICIT)
    assert parsed(ours, EXPLICIT).PixelData == pydicom.dcmread(sample("MR_small.dcm")).PixelData
