"""The file explains itself: to any DICOM program, and to us when the queue is gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from hilum_core.filesystem import SYNCS_NEW_NAMES, file_system
from hilum_core.spool import SpoolDamage, data_set_span, read_record, verify
from hilum_core.spool.file_format import PRIVATE_CREATOR_UID
from hilum_sdk import Association

DATA = bytes(range(256)) * 40


def test_all_that_is_known_comes_back_from_the_file_alone(desk):
    stored = desk.store(DATA)
    assert stored.checksum == zlib.crc32(DATA)
    assert stored.instance.data_set_bytes == len(DATA)
    assert stored.instance.received_at == datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
    path = desk.path(stored)
    assert read_record(path) == stored
    assert verify(path) == stored
    offset, length = data_set_span(path)
    assert path.read_bytes()[offset:] == DATA
    assert length == len(DATA)


def test_file_stands_by_day_and_hour_and_is_private(desk):
    stored = desk.store()
    path = desk.path(stored)
    assert path == desk.root / "spool" / "20260101" / "12" / f"{stored.instance.id}.dcm"
    assert path.stat().st_mode & 0o777 == 0o600
    assert {p.stat().st_mode & 0o777 for p in (path.parent, path.parent.parent)} == {0o700}


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "image_dfl.dcm"])
def test_another_dicom_reader_opens_it(desk, name):
    source = get_testdata_file(name)
    meta = pydicom.filereader.read_file_meta_info(source)
    offset, _ = data_set_span(Path(source))
    data = Path(source).read_bytes()[offset:]
    writer = desk.spool.begin(
        sop_class_uid=meta.MediaStorageSOPClassUID,
        sop_instance_uid=meta.MediaStorageSOPInstanceUID,
        transfer_syntax_uid=meta.TransferSyntaxUID,
        association=Association(calling_ae="CT1", called_ae="HILUM", address="fe80::1"),
        received_at=datetime.now(UTC),
    )
    for start in range(0, len(data), 1000):
        writer.write([memoryview(data)[start : start + 1000]])
    stored = writer.commit()
    found = pydicom.dcmread(desk.path(stored))
    assert found == pydicom.dcmread(source)
    assert found.file_meta.SourceApplicationEntityTitle == "CT1"
    assert found.file_meta.SendingApplicationEntityTitle == "CT1"
    assert found.file_meta.ReceivingApplicationEntityTitle == "HILUM"
    assert found.file_meta.SourcePresentationAddress == "dicom://[fe80::1]"
    assert found.file_meta.PrivateInformationCreatorUID == PRIVATE_CREATOR_UID
    told = json.loads(found.file_meta.PrivateInformation.rstrip(b"\0"))
    assert told["seal"] == f"{len(data):016d}.{zlib.crc32(data):08x}"


def test_dcmtk_opens_it(desk):
    dcmdump = shutil.which("dcmdump")
    if dcmdump is None:
        pytest.skip("dcmdump (Debian: dcmtk) is not installed")
    path = desk.path(desk.store(b"\x08\x00\x60\x00CS\x02\x00CT"))
    printed = subprocess.run([dcmdump, path], capture_output=True, text=True, check=True).stdout
    assert "(0002,0016) AE [CT1]" in printed
    assert "(0008,0060) CS [CT]" in printed


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    association=st.builds(
        Association,
        calling_ae=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=16),
        called_ae=st.just("HILUM"),
        peer=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        user=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=64),
        address=st.sampled_from(["", "10.0.0.1", "fe80::1"]),
    ),
    pieces=st.lists(st.binary(max_size=300), max_size=5),
)
def test_whatever_peers_call_themselves_comes_back(desk, association, pieces):
    writer = desk.begin(association=association)
    for piece in pieces:
        writer.write([memoryview(piece)])
    stored = writer.commit()
    assert stored.instance.association == association
    assert verify(desk.path(stored)) == stored
    assert data_set_span(desk.path(stored))[1] == sum(map(len, pieces))


def test_title_that_looks_like_our_seal_does_not_mislead(desk):
    association = Association(calling_ae='{"seal":"-----', called_ae='"seal":"-')
    stored = desk.store(association=association, uid='{"seal":"-------------------------"')
    assert verify(desk.path(stored)) == stored


def test_data_set_that_begins_with_group_2_is_not_taken_for_the_header(desk):
    data = b"\x02\x00\x10\x00UI\x04\x001.2\x00" + b"\x02\x00\x02\x01OB\x00\x00\x02\x00\x00\x00{}"
    stored = desk.store(data)
    assert verify(desk.path(stored)) == stored


def test_empty_data_set_is_kept_as_it_is(desk):
    stored = desk.begin().commit()
    assert verify(desk.path(stored)) == stored
    assert data_set_span(desk.path(stored))[1] == 0


def test_file_that_is_not_complete_is_told_apart(desk):
    writer = desk.begin()
    writer.write([memoryview(DATA)])
    (name,) = desk.files()
    with pytest.raises(SpoolDamage, match="its header is incomplete"):
        read_record(desk.root / name)
    writer.discard()
    assert desk.files() == []
    writer.discard()


PRIVATE_INFORMATION = b"\x02\x00\x02\x01OB\x00\x00"
NOBODY = b'"peer":null,"address":"","tls_subject":null,"user":null}'


@pytest.mark.parametrize(
    "told",
    [
        b"[]",
        b"0",
        b"[" * 100_000,
        b'{"seal":7}',
        b'{"seal":"%s"}',
        b'{"seal":"%s","received_at":7,' + NOBODY,
        b'{"seal":"%s","received_at":"2026-01-01",' + NOBODY,
        b'{"seal":"%s","received_at":"2026-01-01T00:00Z",' + NOBODY.replace(b"null", b"[]"),
        b'{"seal":"%s","received_at":"2026-01-01T00:00Z",' + NOBODY.replace(b"null", rb'"\ud800"'),
    ],
)
def test_private_information_that_is_not_ours_is_damage(desk, told):
    path = desk.path(desk.store())
    whole = path.read_bytes()
    at = whole.index(PRIVATE_INFORMATION) + len(PRIVATE_INFORMATION)
    length = int.from_bytes(whole[at : at + 4], "little")
    seal = whole[whole.index(b'{"seal":"') :][9:34]
    changed = told.replace(b"%s", seal).ljust(length)
    changed += b" " * (len(changed) % 2)
    group_length = int.from_bytes(whole[140:144], "little") + len(changed) - length
    path.write_bytes(
        whole[:140]
        + group_length.to_bytes(4, "little")
        + whole[144:at]
        + len(changed).to_bytes(4, "little")
        + changed
        + whole[at + 4 + length :]
    )
    with pytest.raises(SpoolDamage, match="its header is incomplete or changed"):
        read_record(path)


def test_length_that_a_disk_has_changed_is_not_believed(desk):
    path = desk.path(desk.store(bytes(3 << 20)))
    with path.open("r+b") as file:
        file.seek(140)
        file.write((2 << 20).to_bytes(4, "little"))
    with pytest.raises(SpoolDamage, match="does not begin as our files do"):
        read_record(path)


@pytest.mark.parametrize("cut", [0, 1, 140, 200, 500, -1])
def test_file_that_was_cut_is_damage(desk, cut):
    path = desk.path(desk.store(DATA))
    os.truncate(path, cut if cut >= 0 else path.stat().st_size + cut)
    with pytest.raises(SpoolDamage, match=path.name):
        verify(path)


def test_file_that_was_appended_to_is_damage(desk):
    path = desk.path(desk.store(DATA))
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(SpoolDamage, match="has 10241 bytes and not 10240"):
        read_record(path)


def test_changed_byte_is_found_by_verify(desk):
    path = desk.path(desk.store(DATA))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    read_record(path)
    with pytest.raises(SpoolDamage, match="checksum is"):
        verify(path)


def test_missing_file_is_damage_that_says_so(desk):
    with pytest.raises(SpoolDamage, match=r"nothing\.dcm: the file is gone"):
        data_set_span(desk.root / "nothing.dcm")


def test_foreign_file_is_damage(desk):
    source = get_testdata_file("CT_small.dcm")
    path = desk.root / "0123456789abcdef.dcm"
    shutil.copy(source, path)
    assert data_set_span(path)[1] > 30000
    with pytest.raises(SpoolDamage, match="incomplete or changed"):
        read_record(path)
    shutil.copy(source, desk.root / "other.dcm")
    with pytest.raises(SpoolDamage, match="not the name"):
        read_record(desk.root / "other.dcm")
    (desk.root / "text").write_text("no DICOM")
    with pytest.raises(SpoolDamage, match="does not begin as our files do"):
        data_set_span(desk.root / "text")


STORE_TWICE = """
import sys, pathlib
from datetime import datetime, UTC
from hilum_core.spool import open_spool
from hilum_sdk import Association

spool = open_spool(pathlib.Path(sys.argv[1]), 1, refuse_below_free=0)

def store():
    writer = spool.begin(
        sop_class_uid="1", sop_instance_uid="2", transfer_syntax_uid="3",
        association=Association(calling_ae="A", called_ae="B"), received_at=datetime.now(UTC),
    )
    writer.write([memoryview(bytes(1000))])
    writer.write([memoryview(bytes(1000))])
    writer.commit()

store()
pathlib.Path("/proc/self/comm").read_text()
store()
pathlib.Path("/proc/self/comm").read_text()
"""


def test_object_costs_one_sync_and_no_rename(desk, tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "calls"
    traced = "trace=openat,writev,write,pwrite64,fdatasync,fsync,rename,renameat,renameat2"
    command = [strace, "-f", "-qq", "-o", log, "-e", traced, sys.executable, "-c", STORE_TWICE, tmp_path]
    subprocess.run(command, check=True)
    second = log.read_text().split("/proc/self/comm")[1].splitlines()[1:-1]
    calls = [line.split()[1].partition("(")[0] for line in second]
    if file_system(tmp_path) in SYNCS_NEW_NAMES:
        assert calls == ["openat", "writev", "writev", "pwrite64", "fdatasync"]
    else:
        assert calls == ["openat", "writev", "writev", "pwrite64", "fdatasync", "openat", "fsync"]


@pytest.mark.parametrize("most", [1, 7, 700, 5000])
def test_a_disk_that_takes_a_part_gets_the_rest(desk, monkeypatch, most):
    writev = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, pieces: writev(fd, [b"".join(pieces)[:most]]))
    pieces = [memoryview(DATA)[start : start + 300] for start in range(0, len(DATA), 300)]
    writer = desk.begin()
    writer.write(pieces[:2])
    writer.write(pieces[2:])
    stored = writer.commit()
    assert verify(desk.path(stored)) == stored
    assert desk.path(stored).read_bytes().endswith(DATA)
