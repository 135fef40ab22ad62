import shutil
import subprocess

import pydicom
import pytest

from hilum_sdk import Association
from hilum_sdk.testing import (
    PLANTED,
    TRANSFER_SYNTAXES,
    data_set_bytes,
    draft_from,
    header_from,
    hostile_objects,
    instance_from,
    item_from,
    make_object,
)


def test_the_same_seed_makes_the_same_object(tmp_path):
    one, other = make_object(tmp_path / "a", seed=3), make_object(tmp_path / "b", seed=3)
    assert one.read_bytes() == other.read_bytes()
    assert one.read_bytes() != make_object(tmp_path, seed=4).read_bytes()


@pytest.mark.parametrize("name", TRANSFER_SYNTAXES)
def test_objects_are_readable_and_have_what_is_hard(tmp_path, name):
    path = make_object(tmp_path, transfer_syntax_uid=TRANSFER_SYNTAXES[name])
    data_set = pydicom.dcmread(path)
    assert data_set.file_meta.TransferSyntaxUID == TRANSFER_SYNTAXES[name]
    assert data_set.PatientName == f"{PLANTED[0]}^Jürgen"
    assert len(data_set.RequestAttributesSequence) == 2
    assert data_set.private_block(0x0009, "HILUM TEST")[0x03].VR in {"SQ", "UN"}
    assert len(data_set.PixelData) > 1 << 16
    assert data_set[0xFFFCFFFC].value == bytes(16)


@pytest.mark.parametrize("name", ["implicit", "explicit", "deflated", "big endian"])
def test_dcmtk_reads_them(tmp_path, name):
    program = shutil.which("dcmdump")
    if program is None:
        pytest.skip("needs dcmdump of DCMTK")
    path = make_object(tmp_path, transfer_syntax_uid=TRANSFER_SYNTAXES[name])
    done = subprocess.run([program, str(path)], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b""


def test_elements_are_set_and_left_out(tmp_path):
    path = make_object(tmp_path, elements={"Modality": "MR", "PatientID": None, "AccessionNumber": None})
    data_set = pydicom.dcmread(path)
    assert data_set.Modality == "MR"
    assert "PatientID" not in data_set


def test_a_file_is_seen_as_instance_header_draft_and_item(tmp_path):
    path = make_object(tmp_path, seed=5)
    whole = pydicom.dcmread(path)
    sender = Association(calling_ae="CT1", called_ae="HILUM", peer="ct1")
    instance = instance_from(path, association=sender)
    assert instance.sop_instance_uid == whole.SOPInstanceUID
    assert instance.association is sender
    header = header_from(path, needs={0x00080060})
    assert header.Modality == "CT"
    assert "PatientID" not in header
    with draft_from(path, association=sender) as draft:
        assert draft.instance == instance
        assert draft.dataset.PatientID == whole.PatientID
    item = item_from(path)
    assert item.id == instance.id
    assert item.origin is not None
    assert item_from(path, deidentified=True).origin is None
    with item.data_set() as stream:
        assert stream.read() == data_set_bytes(path)


def test_hostile_objects_can_all_be_read_and_have_names_of_their_own(tmp_path):
    paths = hostile_objects(tmp_path)
    assert len({path.name for path in paths}) == len(paths) > 30
    for path in paths:
        header_from(path)
        assert instance_from(path).sop_instance_uid.startswith("2.25.")
