"""Other people's acceptors against our requestor."""

import shutil
import socket
import subprocess
import threading
import time

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt

from hilum_core.dicom.requestor import (
    AssociationRejected,
    FileSegment,
    RemoteNode,
    RequestorAssociation,
    RequestorSettings,
)
from hilum_sdk import ContextNeed

SETTINGS = RequestorSettings(calling_ae="HILUM", response_timeout_s=20)
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
COMMITMENT = "1.2.840.10008.1.20.1"
VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
FILES = [
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "JPEG2000.dcm",
    "rtplan.dcm",
    "reportsi.dcm",
    "image_dfl.dcm",
]


def associate(port, *needs, ae_title="ARCHIVE"):
    node = RemoteNode(host="127.0.0.1", port=port, ae_title=ae_title)
    wanted = [ContextNeed(sop_class_uid=sop, transfer_syntaxes=syntaxes) for sop, syntaxes in needs]
    return RequestorAssociation.open(node, wanted, SETTINGS)


def padded(file):
    """The data set with the byte that an odd deflated one lacks (PS3.5 A.5)."""
    return file.data_set + b"\0" * (len(file.data_set) % 2)


def send(association, file):
    with file.path.open("rb") as stream:
        return association.store(
            FileSegment(stream.fileno(), file.offset, len(file.data_set)),
            sop_class_uid=file.sop_class_uid,
            sop_instance_uid=file.sop_instance_uid,
            transfer_syntax_uid=file.transfer_syntax_uid,
        )


@pytest.fixture
def storescp(tmp_path):
    """Start DCMTK's storescp, keeping data sets bit for bit; its port."""
    started = []

    def start(*options):
        found = shutil.which("storescp")
        if not found:
            pytest.skip("needs storescp of DCMTK")
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        process = subprocess.Popen([found, "+B", "-od", str(tmp_path), *map(str, options), str(port)])
        started.append(process)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return port
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise AssertionError("storescp does not listen")

    yield start
    for process in started:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def archive():
    """Start an SCP of pynetdicom; its port and the raw data sets that it received."""
    started = []

    def start(handlers=(), *, contexts=AllStoragePresentationContexts, max_pdu=16382, required=()):
        received = []

        def on_store(event):
            received.append(
                (
                    event.request.AffectedSOPInstanceUID,
                    event.context.transfer_syntax,
                    event.request.DataSet.getvalue(),
                )
            )
            return 0xB000

        scp = AE(ae_title="ARCHIVE")
        scp.maximum_pdu_size = max_pdu
        scp.require_calling_aet = list(required)
        for context in contexts:
            scp.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
        for sop_class in (FIND, COMMITMENT, VERIFICATION):
            scp.add_supported_context(sop_class)
        server = scp.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, on_store), *handlers]
        )
        started.append(server)
        return server.socket.getsockname()[1], received

    yield start
    ends = [threading.Thread(target=server.shutdown) for server in started]
    for end in ends:
        end.start()
    for end in ends:
        end.join()


@pytest.mark.parametrize("max_pdu", [4096, 16384, 131072])
def test_storescp_gets_files_bit_for_bit(storescp, tmp_path, real_file, max_pdu):
    port = storescp("--max-pdu", max_pdu, "+xa")
    files = [real_file(name) for name in FILES]
    needs = [(file.sop_class_uid, (file.transfer_syntax_uid,)) for file in files]
    with associate(port, *needs) as association:
        taken = [f for f in files if f.transfer_syntax_uid in association.accepted.get(f.sop_class_uid, ())]
        assert len(taken) >= 5  # storescp is built without deflate on some systems
        for file in taken:
            assert send(association, file).status == 0
    for file in taken:
        (written,) = tmp_path.glob(f"*{file.sop_instance_uid}")
        assert written.read_bytes().endswith(padded(file))


def test_storescp_that_aborts_after_an_object_is_survived(storescp, real_file):
    file = real_file("CT_small.dcm")
    port = storescp("--abort-after")
    with (
        pytest.raises(Exception, match="the peer ended the association"),
        associate(port, (file.sop_class_uid, (EXPLICIT,))) as association,
    ):
        send(association, file)


def test_storescp_that_refuses_everybody(storescp, real_file):
    port = storescp("--refuse")
    with pytest.raises(AssociationRejected, match="rejected"):
        associate(port, (VERIFICATION, (IMPLICIT,)))


def test_storescp_answers_c_echo(storescp):
    with associate(storescp(), (VERIFICATION, (IMPLICIT,))) as association:
        association.echo()


@pytest.mark.parametrize("max_pdu", [0, 1000, 131072])
def test_pynetdicom_gets_files_bit_for_bit_and_its_warning_comes_back(archive, real_file, max_pdu):
    port, received = archive(max_pdu=max_pdu)
    files = [real_file(name) for name in FILES]
    with associate(
        port, *((file.sop_class_uid, (file.transfer_syntax_uid,)) for file in files)
    ) as association:
        for file in files:
            assert send(association, file).status == 0xB000
    assert received == [(file.sop_instance_uid, file.transfer_syntax_uid, padded(file)) for file in files]


def test_pynetdicom_rejects_a_calling_ae_it_does_not_know(archive):
    port, _ = archive(required=["OTHER"])
    with pytest.raises(AssociationRejected, match="calling AE title not recognised"):
        associate(port, (VERIFICATION, (IMPLICIT,)))


def patients(count):
    for number in range(count):
        match = Dataset()
        match.PatientID = str(number)
        yield 0xFF00, match


def query():
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.PatientID = ""
    return asked


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
def test_find_gives_each_match(archive, syntax):
    asked = []

    def on_find(event):
        asked.append(event.identifier)
        yield from patients(3)

    port, _ = archive([(evt.EVT_C_FIND, on_find)])
    with associate(port, (FIND, (syntax,))) as association:
        assert [match.PatientID for match in association.find(FIND, query())] == ["0", "1", "2"]
        assert list(association.find(FIND, query()))
    assert asked[0].QueryRetrieveLevel == "STUDY"


def test_find_that_is_left_early_is_cancelled_and_the_association_goes_on(archive):
    cancelled = []

    def on_find(event):
        for status, match in patients(1000):
            if event.is_cancelled:
                cancelled.append(True)
                yield 0xFE00, None
                return
            time.sleep(0.001)
            yield status, match

    port, _ = archive([(evt.EVT_C_FIND, on_find)])
    with associate(port, (FIND, (EXPLICIT,)), (VERIFICATION, (IMPLICIT,))) as association:
        matches = association.find(FIND, query())
        assert next(matches).PatientID == "0"
        matches.close()
        association.echo()
    assert cancelled


def test_find_that_fails_says_so(archive):
    port, _ = archive([(evt.EVT_C_FIND, lambda event: iter([(0xC001, None)]))])
    with (
        pytest.raises(Exception, match="C-FIND was answered with 0xC001"),
        associate(port, (FIND, (EXPLICIT,))) as association,
    ):
        list(association.find(FIND, query()))


def test_n_action_asks_for_storage_commitment(archive):
    asked = []

    def on_action(event):
        asked.append((event.action_type, event.action_information.TransactionUID))
        return 0x0000, None

    port, _ = archive([(evt.EVT_N_ACTION, on_action)])
    request = Dataset()
    request.TransactionUID = "1.2.3.4"
    request.ReferencedSOPSequence = []
    with associate(port, (COMMITMENT, (EXPLICIT,))) as association:
        assert association.n_action(COMMITMENT, f"{COMMITMENT}.1", 1, request) == 0
    assert asked == [(1, "1.2.3.4")]
