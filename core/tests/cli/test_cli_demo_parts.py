"""The parts of `hilum demo` that need no router: its objects, its peers, its comparison."""

from pathlib import Path

import pytest
from pydicom import dcmread

from hilum_core.demo.compare import Arrival, arrivals, compare_bytes, compare_edited
from hilum_core.demo.objects import NAMES, shipped_objects
from hilum_core.demo.peers import ARCHIVE_AE, Archive, Modality


@pytest.fixture(scope="module")
def objects():
    return shipped_objects()


@pytest.fixture
def archive(tmp_path, objects):
    archive = Archive(tmp_path / "archive", objects)
    archive.port = archive.start()
    yield archive
    archive.stop()


def test_the_demo_shows_compressed_big_endian_multi_frame_and_non_image_objects(objects):
    assert len(objects) == len(NAMES)
    assert len({item.sop_instance_uid for item in objects}) == len(objects)
    assert {"CT", "MR", "US", "SR", "RTDOSE", "SEG"} <= {item.modality for item in objects}
    syntaxes = {item.transfer_syntax_uid for item in objects}
    assert "1.2.840.10008.1.2.2" in syntaxes
    assert sum(syntax.is_compressed for syntax in syntaxes) >= 3
    assert any(dcmread(item.path).get("NumberOfFrames", 1) > 1 for item in objects)


def test_modality_and_archive_carry_every_object_bit_for_bit_without_a_router(tmp_path, archive, objects):
    modality = Modality(router_ae=ARCHIVE_AE, router_port=archive.port)
    assert modality.echo()
    answers = {}
    modality.send(objects, lambda item, words: answers.update({item.name: words}))
    assert set(answers.values()) == {"stored"}
    found = arrivals(tmp_path / "archive")
    assert {compare_bytes(item, found.get(item.sop_instance_uid)) for item in objects} == {Arrival.IDENTICAL}


# pynetdicom leaves the socket of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_modality_without_a_router_says_so(objects, unused_port):
    modality = Modality(router_ae=ARCHIVE_AE, router_port=unused_port)
    assert not modality.echo()
    answers = []
    modality.send(objects[:2], lambda item, words: answers.append(words))
    assert answers == ["no association", "no association"]


def test_one_changed_byte_is_found(tmp_path, objects):
    sent = objects[0]
    data = bytearray(sent.path.read_bytes())
    data[-1] ^= 1
    (tmp_path / "a.dcm").write_bytes(data)
    assert compare_bytes(sent, tmp_path / "a.dcm") is Arrival.DIFFERENT
    assert compare_bytes(sent, None) is Arrival.MISSING
    assert not Arrival.DIFFERENT.is_good


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda ds: None, Arrival.EDITED),
        (lambda ds: setattr(ds, "InstitutionName", "other"), Arrival.NOT_EDITED),
        (lambda ds: setattr(ds, "StationName", "CT9"), Arrival.NOT_EDITED),
        (lambda ds: setattr(ds, "PatientID", "other"), Arrival.DIFFERENT),
        (lambda ds: setattr(ds, "PixelData", bytes(len(ds.PixelData))), Arrival.DIFFERENT),
    ],
)
def test_an_edited_copy_must_hold_the_edit_and_nothing_else(tmp_path, objects, edit, expected):
    sent = objects[0]
    dataset = dcmread(sent.path)
    dataset.InstitutionName = "Demo"
    del dataset.StationName
    edit(dataset)
    dataset.save_as(tmp_path / "a.dcm")
    arrived = compare_edited(
        sent, tmp_path / "a.dcm", put={"InstitutionName": "Demo"}, removed=frozenset({"StationName"})
    )
    assert arrived is expected


def test_arrivals_passes_over_what_is_not_dicom(tmp_path, objects):
    (tmp_path / "note.txt").write_text("no DICOM")
    (tmp_path / "empty").touch()
    (tmp_path / "a").mkdir()
    copy = Path(tmp_path / "a" / "b.dcm")
    copy.write_bytes(objects[0].path.read_bytes())
    assert arrivals(tmp_path) == {str(objects[0].sop_instance_uid): copy}
