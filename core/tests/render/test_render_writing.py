"""The file of a rendering: as the draft has it, written in stretches."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest
from pydicom import dcmread

from hilum_core.render.writing import beside, write_rendering
from hilum_sdk import Association, Instance
from hilum_sdk.elements import FileDraft

MIB = 1 << 20
EXPLICIT = "1.2.840.10008.1.2.1"
SOP_CLASS = "1.2.840.10008.5.1.4.1.1.7"


@pytest.fixture
def draft(tmp_path):
    """Of an object with 150 MiB of pixels."""
    source = tmp_path / "source"
    pixels = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 150 * MIB)
    uids = struct.pack("<HH2sH26s", 8, 0x16, b"UI", 26, SOP_CLASS.encode().ljust(26, b"\0"))
    uids += struct.pack("<HH2sH6s", 8, 0x18, b"UI", 6, b"1.2.3\0")
    with source.open("wb") as out:
        out.write(uids + pixels)
        out.truncate(len(uids + pixels) + 150 * MIB)
    instance = Instance(
        id="object",
        sop_class_uid=SOP_CLASS,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        data_set_bytes=source.stat().st_size,
        received_at=datetime.now(UTC),
        association=Association(calling_ae="CT", called_ae="HILUM", peer="ct"),
    )
    with FileDraft.open(
        source,
        data_set_offset=0,
        data_set_length=source.stat().st_size,
        transfer_syntax_uid=EXPLICIT,
        instance=instance,
        scratch_dir=tmp_path,
    ) as made:
        yield made


def test_a_large_rendering_is_written_with_signs_of_life(draft, tmp_path):
    signs = []
    length = write_rendering(draft, tmp_path / "folder" / "out.dcm", alive=lambda: signs.append(1))
    assert length == draft.instance.data_set_bytes
    assert len(signs) >= 150 / 16
    ds = dcmread(tmp_path / "folder" / "out.dcm", defer_size=MIB)
    assert (ds.SOPInstanceUID, ds.file_meta.TransferSyntaxUID) == ("1.2.3", EXPLICIT)
    assert ds["PixelData"].VR == "OW"
    assert (tmp_path / "folder" / "out.dcm").stat().st_size > length


def test_what_does_not_take_its_place_is_gone(tmp_path):
    target = tmp_path / "target"
    target.write_text("old")
    with beside(target) as path:
        path.write_text("half")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("target", "old")]
    with beside(target) as path:
        path.write_text("new")
        path.replace(target)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("target", "new")]
