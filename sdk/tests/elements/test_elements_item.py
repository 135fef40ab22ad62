"""What sinks get, and the File Meta Information around it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from hilum_sdk import PermanentError
from hilum_sdk.elements import (
    FileItem,
    LimitExceeded,
    MalformedDataSet,
    SegmentReader,
    encode_file_meta,
    minimal_file_meta,
    read_file_meta,
    reencode,
    transfer_syntaxes_from,
)
from hilum_sdk.elements.segments import Segment, copy

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@pytest.fixture
def item_of(tmp_path, meta_of):
    def make(name: str, **changes: object) -> FileItem:
        path = Path(get_testdata_file(name))
        meta = meta_of(path)
        known = {
            "id": "17",
            "attempt": 1,
            "path": path,
            "data_set_offset": meta.data_set_offset,
            "data_set_length": path.stat().st_size - meta.data_set_offset,
            "sop_class_uid": meta.sop_class_uid,
            "sop_instance_uid": meta.sop_instance_uid,
            "transfer_syntax_uid": meta.transfer_syntax_uid,
            "transfer_syntaxes": transfer_syntaxes_from(meta.transfer_syntax_uid),
            "deidentified": False,
            "origin": None,
            "scratch_dir": tmp_path,
        }
        return FileItem(**(known | changes))

    return make


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_RLE.dcm", "image_dfl.dcm", "MR_small_bigendian.dcm"]
)
def test_an_item_gives_the_data_set_bit_for_bit_and_a_file_around_it(name, item_of, data_set_of):
    item = item_of(name)
    expected = data_set_of(item.path)
    with item.data_set() as stream:
        assert stream.read() == expected
    with item.part10() as stream:
        whole = stream.read()
        assert len(whole) == item.part10_bytes
        assert stream.seek(-len(expected), os.SEEK_END) == len(whole) - len(expected)
        assert stream.read() == expected
    meta = read_file_meta(io.BytesIO(whole))
    assert meta.transfer_syntax_uid == item.transfer_syntax_uid
    assert meta.sop_instance_uid == item.sop_instance_uid
    assert set(meta.elements) == {
        0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013,
    }  # fmt: skip
    assert pydicom.dcmread(io.BytesIO(whole)).SOPInstanceUID == item.sop_instance_uid


def test_dcmftest_takes_it_for_a_dicom_file(item_of, tmp_path):
    dcmftest = shutil.which("dcmftest")
    if dcmftest is None:
        pytest.skip("needs DCMTK's dcmftest")
    path = tmp_path / "out.dcm"
    with item_of("CT_small.dcm").part10() as stream, path.open("wb") as out:
        shutil.copyfileobj(stream, out)
    assert subprocess.run([dcmftest, str(path)], capture_output=True, check=False).returncode == 0


def test_the_data_set_can_be_read_from_its_descriptor(item_of, data_set_of):
    item = item_of("CT_small.dcm")
    with item.data_set() as stream:
        descriptor, offset, length = stream.file_segment()
        assert os.pread(descriptor, length, offset) == data_set_of(item.path)
    with item.part10() as stream:
        assert stream.file_segment() is None
    with item.data_set(IMPLICIT) as stream:
        assert stream.file_segment() is not None


def test_another_transfer_syntax_is_re_encoded_and_leaves_no_file_behind(item_of, data_set_of, tmp_path):
    item = item_of("CT_small.dcm")
    expected = io.BytesIO()
    reencode(
        io.BytesIO(data_set_of(item.path)),
        expected,
        from_transfer_syntax_uid=EXPLICIT,
        to_transfer_syntax_uid=IMPLICIT,
    )
    with item.data_set(IMPLICIT) as stream:
        assert stream.read() == expected.getvalue()
    with item.part10(IMPLICIT) as stream:
        assert pydicom.dcmread(stream).file_meta.TransferSyntaxUID == IMPLICIT
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_supplied_is_refused(item_of):
    with pytest.raises(PermanentError, match="cannot be supplied"):
        item_of("MR_small_RLE.dcm").data_set(EXPLICIT)
    with pytest.raises(PermanentError, match="cannot be re-encoded"):
        item_of("MR_truncated.dcm").data_set(IMPLICIT)


def test_each_header_is_the_sinks_own(item_of):
    item = item_of("CT_small.dcm")
    first = item.header
    assert first.PatientID
    assert "PixelData" not in first
    first.PatientID = "changed"
    assert item.header.PatientID != "changed"


# ---- readers


@given(
    parts=st.lists(st.tuples(st.booleans(), st.binary(max_size=30)), max_size=6),
    reads=st.lists(st.tuples(st.integers(0, 100), st.integers(-1, 60)), max_size=8),
)
def test_a_reader_of_pieces_is_a_stream_of_the_whole(parts, reads):
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file:
        pieces = []
        for in_file, data in parts:
            if in_file:
                offset = file.seek(0, os.SEEK_END)
                file.write(data)
                pieces.append(Segment(file=file, offset=offset, length=len(data)))
            else:
                pieces.append(data)
        whole = b"".join(data for _, data in parts)
        with SegmentReader(pieces) as reader, io.BytesIO(whole) as expected:
            assert reader.size == len(whole)
            for position, size in reads:
                assert reader.seek(position) == expected.seek(position)
                assert reader.read(size) == expected.read(size)
                assert reader.tell() == expected.tell()
                reader.seek(position)
                expected.seek(position)
                ours, theirs = bytearray(max(size, 0)), bytearray(max(size, 0))
                assert reader.readinto(ours) == expected.readinto(theirs)
                assert ours == theirs
        out = io.BytesIO()
        assert copy(pieces, out) == len(whole)
        assert out.getvalue() == whole


@pytest.mark.parametrize("buffering", [0, -1])
def test_long_stretches_are_copied_from_file_to_file_in_their_place(buffering, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300_000))
    with io.FileIO(source) as file, (tmp_path / "out").open("wb", buffering) as out:
        out.write(b"before")
        segment = Segment(file=file, offset=1000, length=200_000)
        assert copy([b"head", segment, b"tail", segment], out) == 400_008
        out.write(b"after")
        assert out.tell() == 400_019
    long = source.read_bytes()[1000:201_000]
    assert (tmp_path / "out").read_bytes() == b"beforehead" + long + b"tail" + long + b"after"


def test_where_the_kernel_cannot_copy_it_is_read_and_written(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(300_000))
    reading, writing = os.pipe()
    received = subprocess.Popen(["cat"], stdin=reading, stdout=subprocess.PIPE)
    os.close(reading)
    with io.FileIO(source) as file, os.fdopen(writing, "wb", 0) as out:
        from threading import Thread

        result = []
        reader = Thread(target=lambda: result.append(received.stdout.read()))
        reader.start()
        copy([Segment(file=file, offset=0, length=300_000)], out)
    reader.join()
    received.stdout.close()
    assert received.wait() == 0
    assert result == [source.read_bytes()]


def test_a_file_that_becomes_shorter_is_noticed(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(bytes(100))
    with io.FileIO(source) as file:
        pieces = [Segment(file=file, offset=0, length=200)]
        with pytest.raises(EOFError):
            SegmentReader(pieces).read()
        with pytest.raises(EOFError):
            copy(pieces, io.BytesIO())


# ---- file meta information


@given(
    sop_class=st.from_regex(r"[0-9.]{1,64}", fullmatch=True),
    instance=st.from_regex(r"[0-9.]{1,64}", fullmatch=True),
    uid=st.from_regex(r"[0-9.]{1,64}", fullmatch=True),
)
def test_what_is_encoded_is_read_again_by_us_and_by_pydicom(sop_class, instance, uid):
    data = minimal_file_meta(sop_class_uid=sop_class, sop_instance_uid=instance, transfer_syntax_uid=uid)
    meta = read_file_meta(io.BytesIO(data + b"\x08\0\x05\0"))
    assert (meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid) == (sop_class, instance, uid)
    assert meta.data_set_offset == len(data)
    theirs = pydicom.dcmread(io.BytesIO(data), force=True).file_meta
    assert theirs.FileMetaInformationGroupLength == len(data) - 144
    assert theirs.MediaStorageSOPInstanceUID == instance


def test_private_information_of_some_length_is_read_with_the_rest():
    private = os.urandom(100_000)
    data = encode_file_meta(
        ((0x00020010, "UI", EXPLICIT.encode()), (0x00020016, "AE", b"CT1"), (0x00020102, "OB", private))
    )
    meta = read_file_meta(io.BytesIO(data))
    assert meta.elements[0x00020102] == private
    assert meta.elements[0x00020016] == b"CT1 "
    assert meta.sop_class_uid == ""


def test_a_wrong_group_length_is_not_believed():
    data = bytearray(minimal_file_meta(sop_class_uid="1", sop_instance_uid="2", transfer_syntax_uid="3"))
    data[140:144] = b"\xff\0\0\0"
    assert read_file_meta(io.BytesIO(bytes(data))).transfer_syntax_uid == "3"


def test_every_cut_of_it_is_malformed_or_ends_it():
    data = minimal_file_meta(sop_class_uid="1", sop_instance_uid="2", transfer_syntax_uid="3")
    for end in range(len(data)):
        try:
            meta = read_file_meta(io.BytesIO(data[:end]))
        except MalformedDataSet:
            continue
        assert meta.data_set_offset <= end


def test_endless_file_meta_information_is_bounded():
    data = encode_file_meta(((0x00020102, "OB", bytes(60_000)),) * 40)
    with pytest.raises(LimitExceeded):
        read_file_meta(io.BytesIO(data))
