"""Other people's senders against our acceptor."""

import pytest
from pynetdicom import AE, _config, build_role
from pynetdicom.pdu_primitives import UserIdentityNegotiation

from hilum_core.dicom.acceptor import CALLED_AE_NOT_RECOGNISED, AcceptorSettings, Ending, StoreRefused

CT_FILE = "CT_small.dcm"
FILES = [
    CT_FILE,
    "MR_small_bigendian.dcm",
    "image_dfl.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "rtplan.dcm",
    "reportsi.dcm",
    "ExplVR_BigEnd.dcm",
]


@pytest.fixture
def chunked(monkeypatch):
    """Have pynetdicom send files as they are."""
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)


def test_echoscu(running, program):
    acceptor = running()
    outcome = program("echoscu", "-aet", "CT1", "-aec", "HILUM", "127.0.0.1", acceptor.port, "--repeat", 3)
    assert outcome.returncode == 0, outcome.stderr
    report = acceptor.report()
    assert (report.calling_ae, report.called_ae, report.ending) == ("CT1", "HILUM", Ending.RELEASED)


def test_storescu_with_all_its_128_contexts(running, program, real_file):
    acceptor, file = running(), real_file(CT_FILE)
    outcome = program("storescu", "127.0.0.1", acceptor.port, file.path, file.path)
    assert outcome.returncode == 0, outcome.stderr
    assert [request.sop_instance_uid for request, _ in acceptor.objects] == [file.sop_instance_uid] * 2
    assert acceptor.report().ending is Ending.RELEASED


@pytest.mark.parametrize("most", [4096, 131072])
def test_dcmsend(running, program, real_file, most):
    acceptor, file = running(), real_file(CT_FILE)
    outcome = program("dcmsend", "--max-send-pdu", most, "127.0.0.1", acceptor.port, file.path)
    assert outcome.returncode == 0, outcome.stderr
    assert acceptor.objects[0][0].sop_class_uid == file.sop_class_uid


def test_storescu_sends_compressed_data_as_it_is(running, program, real_file):
    acceptor, file = running(), real_file("JPEG2000.dcm")
    outcome = program("storescu", "-xw", "127.0.0.1", acceptor.port, file.path)
    assert outcome.returncode == 0, outcome.stderr
    request, _ = acceptor.objects[0]
    assert request.transfer_syntax_uid == file.transfer_syntax_uid


def test_storescu_that_aborts(running, program, real_file):
    acceptor = running()
    program("storescu", "--abort", "127.0.0.1", acceptor.port, real_file(CT_FILE).path)
    assert acceptor.report().ending is Ending.ABORTED_BY_PEER


def test_storescu_is_told_of_a_rejection(running, program, real_file):
    acceptor = running(decision=CALLED_AE_NOT_RECOGNISED)
    outcome = program("storescu", "127.0.0.1", acceptor.port, real_file(CT_FILE).path)
    assert outcome.returncode != 0
    assert "Called AE Title Not Recognized" in outcome.stderr + outcome.stdout


def test_storescu_is_told_of_a_refusal(running, program, real_file):
    acceptor = running()
    acceptor.shelf.fail_at["commit"] = StoreRefused(0xA700, "disk full")
    outcome = program("storescu", "-v", "127.0.0.1", acceptor.port, real_file(CT_FILE).path)
    assert "Refused: OutOfResources" in outcome.stderr + outcome.stdout
    assert acceptor.report().refused == 1


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("max_pdu_bytes", [16384, 131072])
def test_pynetdicom_sends_files_bit_for_bit(running, real_file, chunked, name, max_pdu_bytes):
    acceptor = running(settings=AcceptorSettings(max_pdu_bytes=max_pdu_bytes))
    file = real_file(name)
    scu = AE(ae_title="CT1")
    scu.add_requested_context(file.sop_class_uid, file.transfer_syntax_uid)
    association = scu.associate("127.0.0.1", acceptor.port, ae_title="HILUM")
    assert association.send_c_store(file.path).Status == 0x0000
    association.release()
    request, data = acceptor.objects[0]
    assert data == file.data_set
    assert request.transfer_syntax_uid == file.transfer_syntax_uid
    assert request.sop_instance_uid == file.sop_instance_uid
    assert acceptor.report().ending is Ending.RELEASED


def test_pynetdicom_with_roles_and_a_user(running, real_file):
    acceptor, file = running(), real_file(CT_FILE)
    identity = UserIdentityNegotiation()
    identity.user_identity_type = 2
    identity.primary_field = b"alice"
    identity.secondary_field = b"secret"
    identity.positive_response_requested = True
    scu = AE()
    scu.add_requested_context(file.sop_class_uid, file.transfer_syntax_uid)
    role = build_role(file.sop_class_uid, scu_role=True, scp_role=True)
    association = scu.associate("127.0.0.1", acceptor.port, ext_neg=[role, identity])
    assert association.is_established
    assert association.acceptor.user_identity.server_response == b""
    accepted = association.accepted_contexts[0]
    assert (accepted.as_scu, accepted.as_scp) == (True, False)
    assert association.send_c_store(file.path).Status == 0x0000
    association.release()
    assert acceptor.objects[0][0].association.user == "alice"


def test_pynetdicom_that_aborts(running):
    acceptor = running()
    scu = AE()
    scu.add_requested_context("1.2.840.10008.1.1")
    scu.associate("127.0.0.1", acceptor.port).abort()
    assert acceptor.report().ending is Ending.ABORTED_BY_PEER
