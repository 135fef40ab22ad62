"""However big an object is, it passes through in little memory."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from hilum_core.testing import RawAssociation, RunningRouter, running_router

FRAME_BYTES = 1 << 20
FRAMES = 1024
MOST_RESIDENT_KIB = 150 * 1024
_NOISE = os.urandom(FRAME_BYTES - 8)


def pieces(header: bytes) -> Iterator[bytes]:
    """A data set of 1 GiB: a header, then as Pixel Data numbered frames of noise."""
    yield header + struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, FRAMES * FRAME_BYTES)
    for number in range(FRAMES):
        yield struct.pack("<Q", number) + _NOISE


def is_same(path: Path, header: bytes) -> bool:
    """Whether the end of a file is that data set."""
    with path.open("rb") as stream:
        size = len(header) + 12 + FRAMES * FRAME_BYTES
        stream.seek(path.stat().st_size - size)
        return all(stream.read(len(piece)) == piece for piece in pieces(header)) and not stream.read(1)


def resident_kib(router: RunningRouter) -> dict[str, int]:
    """The most memory that each process of the router ever held, by what it runs."""
    assert router.process is not None
    processes = {**router.processes(), "supervisor": [router.process.pid]}
    return {
        f"{name}-{pid}": int(line.split()[1])
        for name, pids in processes.items()
        for pid in pids
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    }


def test_an_object_of_1_gib_passes_through_in_little_memory(storescp, make_object, tmp_path):
    (tmp_path / "sink").mkdir()
    (tmp_path / "edited").mkdir()
    scp = storescp(tmp_path / "archive")
    template = make_object(tmp_path / "template", 1, NumberOfFrames=str(FRAMES), Rows=1024, Columns=512)
    header = template.data_set[: template.data_set.rindex(b"\xe0\x7f\x10\x00OW")]
    config = f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        {scp.peer_toml("archive")}
        [transforms.edit]
        type = "edit"
        remove = ["PatientName"]
        [sinks.folder]
        type = "folder"
        path = "{tmp_path / "sink"}"
        layout = "whole.dcm"
        [sinks.edited]
        type = "folder"
        path = "{tmp_path / "edited"}"
        layout = "whole.dcm"
        [sinks.archive]
        type = "dicom"
        peer = "archive"
        [[routes]]
        name = "untouched"
        sinks = ["folder", "archive"]
        [[routes]]
        name = "edited"
        transforms = ["edit"]
        sinks = ["edited"]
        """
    with running_router(tmp_path, config) as router:
        association = RawAssociation.open(router.port, [(CTImageStorage, "1.2.840.10008.1.2.1")])
        assert association.store(CTImageStorage, template.sop_instance_uid, pieces(header)) == 0
        association.release()
        router.wait_until_idle(objects=1, within_s=120)
        resident = resident_kib(router)
    assert max(resident.values()) < MOST_RESIDENT_KIB, resident
    assert is_same(tmp_path / "sink" / "whole.dcm", header)
    (kept,) = scp.folder.iterdir()
    assert is_same(kept, header)
    start = header.index(b"\x10\x00\x10\x00PN")
    length = struct.unpack_from("<H", header, start + 6)[0]
    assert is_same(tmp_path / "edited" / "whole.dcm", header[:start] + header[start + 8 + length :])


@pytest.fixture(autouse=True)
def _let_go_of_the_disk(tmp_path):
    yield
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.stat().st_size > FRAME_BYTES:
            path.unlink()
