"""What a hostile or broken object may cost: a bounded amount, and one clear error."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from hilum_sdk.elements import ElementsError, LimitExceeded, Limits, MalformedDataSet, read_header, reencode

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

ITEM = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
ITEM_END = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
SEQUENCE = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF)
SEQUENCE_END = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
UID = struct.pack("<HH2sH", 0x0008, 0x0018, b"UI", 6) + b"2.25.1"


class Counting(io.BytesIO):
    """Says how many bytes were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def undefined_depth(levels: int) -> bytes:
    return UID + (SEQUENCE + ITEM) * levels + (ITEM_END + SEQUENCE_END) * levels


def defined_depth(levels: int, tag: int = 0x00081140, vr: bytes = b"SQ") -> bytes:
    body = b""
    for _ in range(levels):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body
        body = struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, len(item)) + item
    return UID + body


def un_depth(levels: int) -> bytes:
    body = b""
    for _ in range(levels):
        item = struct.pack("<HHL", 0xFFFE, 0xE000, len(body)) + body
        body = struct.pack("<HHL", 0x0009, 0x1001, len(item)) + item
    return body


DEEP = {
    "undefined": (undefined_depth(5000), EXPLICIT),
    "defined": (defined_depth(2000), EXPLICIT),
    "private, defined": (un_depth(2000), IMPLICIT),
    "never closed": (UID + (SEQUENCE + ITEM) * 50_000, EXPLICIT),
}


@pytest.mark.parametrize("name", DEEP)
def test_nesting_is_bounded_everywhere(name, make_file, open_draft):
    data, uid = DEEP[name]
    with pytest.raises(LimitExceeded, match="deeper than 64"):
        read_header(io.BytesIO(data), uid)
    with open_draft(make_file(data, uid)) as draft, pytest.raises(LimitExceeded, match="deeper than 64"):
        for _ in draft.elements.walk():
            pass
    other = EXPLICIT if uid == IMPLICIT else IMPLICIT
    with pytest.raises(LimitExceeded, match="deeper than 64"):
        reencode(io.BytesIO(data), io.BytesIO(), from_transfer_syntax_uid=uid, to_transfer_syntax_uid=other)


def test_honest_nesting_is_not_bounded(make_file, open_draft):
    data = undefined_depth(60)
    assert read_header(io.BytesIO(data), EXPLICIT)
    with open_draft(make_file(data, EXPLICIT)) as draft:
        assert max(len(path) for path, _ in draft.elements.walk()) == 119


def test_nothing_is_put_deeper_than_can_be_read(make_file, open_draft):
    with open_draft(make_file(UID, EXPLICIT)) as draft, pytest.raises(LimitExceeded):
        draft.elements.put((0x00081140, 0) * 65 + (0x00080018,), "UI", b"2.25.1")


def test_what_is_behind_nesting_that_nobody_needs_is_still_bounded():
    with pytest.raises(LimitExceeded):
        read_header(io.BytesIO(undefined_depth(5000) + UID), EXPLICIT, needs=[0x00100010])


@pytest.mark.parametrize("length", [7, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE])
@pytest.mark.parametrize("vr", [b"SQ", b"UN", b"UT", b"OB"])
def test_a_length_that_reaches_beyond_the_end_is_malformed(vr, length, make_file, open_draft):
    data = UID + struct.pack("<HH2sHL", 0x0008, 0x1199, vr, 0, length) + b"\xfe\xff\x00\xe0"
    with open_draft(make_file(data, EXPLICIT)) as draft, pytest.raises(MalformedDataSet, match="offset"):
        list(draft.elements.walk())
    with pytest.raises(MalformedDataSet):
        reencode(
            io.BytesIO(data), io.BytesIO(), from_transfer_syntax_uid=EXPLICIT, to_transfer_syntax_uid=IMPLICIT
        )
    if length <= 0xFFFF or vr == b"SQ":
        with pytest.raises(MalformedDataSet, match="offset"):
            read_header(io.BytesIO(data), EXPLICIT)


def test_an_item_longer_than_its_sequence_is_malformed():
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 500)
    data = struct.pack("<HH2sHL", 0x0008, 0x1140, b"SQ", 0, len(item)) + item + UID * 50
    with pytest.raises(MalformedDataSet, match="offset 12"):
        read_header(io.BytesIO(data), EXPLICIT)


def test_many_small_elements_are_bounded():
    limits = Limits(elements=50_000)
    element = struct.pack("<HHL", 0x0009, 0x1001, 0)
    with pytest.raises(LimitExceeded, match="elements"):
        read_header(io.BytesIO(element * 60_000), IMPLICIT, limits=limits)
    items = struct.pack("<HHL", 0x0008, 0x1140, 0xFFFFFFFF) + struct.pack("<HHL", 0xFFFE, 0xE000, 0) * 60_000
    with pytest.raises(LimitExceeded, match="elements"):
        read_header(io.BytesIO(items), IMPLICIT, limits=limits)


def test_reading_is_bounded_in_bytes():
    value = struct.pack("<HH2sH", 0x0009, 0x1001, b"LO", 60_000) + bytes(60_000)
    stream = Counting(value * 400)
    with pytest.raises(LimitExceeded, match="bytes"):
        read_header(stream, EXPLICIT, limits=Limits(bytes_read=1 << 20))
    assert stream.count < 1 << 21


def test_large_values_are_stepped_over_unread():
    large = struct.pack("<HH2sHL", 0x0042, 0x0011, b"OB", 0, 5_000_000) + bytes(5_000_000)
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 8_000_000) + bytes(8_000_000)
    behind = struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, 2) + b"\0\0"
    stream = Counting(UID + large + pixels + behind)
    header = read_header(stream, EXPLICIT)
    assert set(header.keys()) == {0x00080018, 0xFFFCFFFC}
    assert stream.count < 100_000


def test_a_deflate_bomb_is_bounded_and_not_held_in_memory(make_file, open_draft):
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = UID + struct.pack("<HH2sHL", 0x0042, 0x0011, b"OB", 0, 0xFFFFFFF0)
    bomb = deflater.compress(head) + deflater.compress(bytes(50 << 20)) + deflater.flush()
    assert len(bomb) < 100_000
    limits = Limits(inflated_bytes=16 << 20)
    with pytest.raises(LimitExceeded, match="unfolds"):
        read_header(io.BytesIO(bomb), DEFLATED, limits=limits)
    assert read_header(io.BytesIO(bomb), DEFLATED, limits=limits, needs=[0x00080018])
    with pytest.raises(LimitExceeded, match="unfolds"):
        open_draft(make_file(bomb, DEFLATED), limits=limits)
    with pytest.raises(LimitExceeded, match="unfolds"):
        reencode(
            io.BytesIO(bomb),
            io.BytesIO(),
            from_transfer_syntax_uid=DEFLATED,
            to_transfer_syntax_uid=EXPLICIT,
            limits=limits,
        )


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 100, b"not deflated at all"])
def test_what_is_not_deflated_is_malformed(data, make_file, open_draft):
    with pytest.raises(MalformedDataSet, match="deflated"):
        read_header(io.BytesIO(data), DEFLATED)
    with pytest.raises(MalformedDataSet, match="deflated"):
        open_draft(make_file(data, DEFLATED))


def test_every_truncation_is_an_error_or_an_end(make_file, open_draft):
    sequence = SEQUENCE + ITEM + UID + ITEM_END + SEQUENCE_END
    whole = UID + sequence + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 8) + bytes(8)
    for end in range(len(whole)):
        path = make_file(whole[:end], EXPLICIT)
        with open_draft(path) as draft:
            try:
                list(draft.elements.walk())
            except MalformedDataSet:
                continue
            assert end in {0, len(UID), len(UID + sequence)}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(
        st.one_of(
            st.sampled_from([ITEM, ITEM_END, SEQUENCE, SEQUENCE_END, UID, SEQUENCE + ITEM, b"\0" * 8]),
            st.builds(
                lambda tag, vr, length: struct.pack("<HH2sHL", tag >> 16, tag & 0xFFFF, vr, 0, length),
                st.sampled_from([0x00081140, 0x00091001, 0x7FE00010, 0x00280010]),
                st.sampled_from([b"SQ", b"UN", b"OB", b"US", b"??", b"\0\0"]),
                st.sampled_from([0, 2, 8, 20, 0xFFFF, 0xFFFFFFFF]),
            ),
            st.binary(max_size=24),
        ),
        max_size=12,
    ),
    uid=st.sampled_from([IMPLICIT, EXPLICIT, BIG_ENDIAN]),
)
def test_any_bytes_are_read_or_refused_and_kept(parts, uid, make_file, open_draft):
    data = b"".join(parts)
    assume(not data.startswith(b"\2\0"))  # that would be File Meta Information
    for read in (
        lambda: read_header(io.BytesIO(data), uid),
        lambda: reencode(
            io.BytesIO(data),
            io.BytesIO(),
            from_transfer_syntax_uid=uid,
            to_transfer_syntax_uid=EXPLICIT if uid != EXPLICIT else IMPLICIT,
        ),
    ):
        with contextlib.suppress(ElementsError):
            read()
    out = io.BytesIO()
    with open_draft(make_file(data, uid)) as draft:
        try:
            for _, element in draft.elements.walk():
                assert element.value is not None
        except ElementsError:
            return
        draft.write_data_set(out)
    assert out.getvalue() == data


PEAK = """
import io, resource, sys
from pathlib import Path
from datetime import UTC, datetime
from hilum_sdk.elements import FileDraft, FileItem, read_header
from hilum_sdk.records import Association, Instance

path, uid, length = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
instance = Instance(
    id="1", sop_class_uid="", sop_instance_uid="", transfer_syntax_uid=uid, data_set_bytes=length,
    received_at=datetime(2024, 1, 1, tzinfo=UTC), association=Association(calling_ae="A", called_ae="B"),
)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with FileDraft.open(
    path, data_set_offset=0, data_set_length=length, transfer_syntax_uid=uid, instance=instance
) as draft:
    draft.elements.put((0x00100010,), "PN", b"X")
    for _, element in draft.elements.walk():
        element.value
    draft.next_transform()
    draft.dataset.PatientID = "17"
    with open(str(path) + ".out", "wb") as out:
        assert draft.write_data_set(out) == length + 20
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_gigabyte_passes_without_going_through_memory(tmp_path):
    path = tmp_path / "large"
    size = 1 << 30
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size)
    with path.open("wb") as file:
        file.write(UID + pixels)
        file.truncate(len(UID + pixels) + size)
    length = path.stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(path), EXPLICIT, str(length)],
        capture_output=True,
        check=True,
        text=True,
    )
    assert int(done.stdout) < 20_000, "KiB more than at the start"
    copied = Path(f"{path}.out")
    with copied.open("rb") as out:
        assert out.read(len(UID)) == UID
        out.seek(-size - 12, os.SEEK_END)
        assert out.read(12) == pixels
    copied.unlink()
