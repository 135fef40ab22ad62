"""`hilum echo` and `hilum send` to software that is not ours: pynetdicom's SCP and DCMTK's storescp."""

import shutil
import socket
import subprocess
import time
from importlib.resources import files
from pathlib import Path

import click
import pytest
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, evt
from pynetdicom.dsutils import split_dataset

from hilum_core.cli.dicom_files import DicomFile, find_dicom_files
from hilum_core.cli.peer import parse_address
from hilum_core.cli.sending import batches
from hilum_core.dicom.requestor import RemoteNode
from hilum_sdk.elements import minimal_file_meta

SHIPPED = Path(str(files("pydicom"))) / "data" / "test_files"
CT, MR = SHIPPED / "CT_small.dcm", SHIPPED / "MR_small.dcm"
CT_STORAGE, MR_STORAGE = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"


@pytest.fixture(scope="module")
def listening():
    """pynetdicom's SCP; `answer` decides by SOP class what it says, `callers` keeps who stored."""
    entity = AE("ARCHIVE")
    for uid in ("1.2.840.10008.1.1", CT_STORAGE, MR_STORAGE):
        entity.add_supported_context(uid, ALL_TRANSFER_SYNTAXES)
    entity.answer = {}
    entity.callers = []

    def store(event):
        entity.callers.append(event.assoc.requestor.ae_title)
        answer = entity.answer.get(event.request.AffectedSOPClassUID, 0x0000)
        if answer == "abort":
            event.assoc.abort()
            return 0x0000
        return answer

    handlers = [(evt.EVT_C_STORE, store)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    entity.peer = f"ARCHIVE@127.0.0.1:{server.server_address[1]}"
    yield entity
    entity.shutdown()


@pytest.fixture
def archive(listening):
    listening.answer.clear()
    listening.callers.clear()
    return listening


def private_file(folder, number):
    """A DICOM file of a SOP class that nobody knows."""
    path = folder / f"{number:03}.dcm"
    meta = minimal_file_meta(
        sop_class_uid=f"1.2.3.{number:03}",
        sop_instance_uid=f"1.2.3.4.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
    )
    path.write_bytes(meta + b"\x08\0\x16\0UI\x0a\0" + f"1.2.3.{number:03}\0".encode())
    return path


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("PACS@10.1.1.10:104", RemoteNode(host="10.1.1.10", port=104, ae_title="PACS")),
        ("PACS@pacs.example.org", RemoteNode(host="pacs.example.org", port=104, ae_title="PACS")),
        ("MY PACS@[::1]:11112", RemoteNode(host="::1", port=11112, ae_title="MY PACS")),
    ],
)
def test_a_peer_by_address_is_read(text, node):
    assert parse_address(text) == node


@pytest.mark.parametrize(
    "text", ["@host:1", "A@", "A@host:0", "A@host:65536", "A@host:x", "A" * 17 + "@host:1"]
)
def test_an_address_that_cannot_be_is_refused(text):
    with pytest.raises(click.BadParameter):
        parse_address(text)


def test_echo_says_who_answers_and_how_it_was_called(hilum, archive):
    shown = hilum("echo", archive.peer, "--calling-ae", "ME")
    assert shown.exit_code == 0
    assert shown.stdout.startswith(f"{archive.peer} answers, called as ME (")


def test_echo_to_nobody_is_one_line(hilum, unused_port):
    shown = hilum("echo", f"PACS@127.0.0.1:{unused_port}")
    assert shown.exit_code == 1
    assert len(shown.stderr.splitlines()) == 1
    assert shown.stderr.startswith(f"hilum: PACS@127.0.0.1:{unused_port} as HILUM: ")


def test_a_peer_of_the_config_is_called_as_the_router(hilum, archive, write_config):
    port = archive.peer.rpartition(":")[2]
    path = write_config(
        '[router]\nstate_dir = "/tmp/x"\nae_title = "ROUTER"\n'
        f'[peers.pacs]\nae_title = "ARCHIVE"\nhost = "127.0.0.1"\nport = {port}\n'
        '[peers.ct1]\nae_title = "CT1"\n'
    )
    assert "called as ROUTER" in hilum("echo", "pacs", "--config", path).stdout
    assert hilum("send", "pacs", "--config", path, CT).exit_code == 0
    assert archive.callers == ["ROUTER"]
    shown = hilum("echo", "pasc", "--config", path)
    assert shown.exit_code == 1
    assert "no peer is called 'pasc'; did you mean 'pacs'?" in shown.stderr
    assert (
        "peers.ct1: has no host, so it cannot be called; add host"
        in hilum("echo", "ct1", "--config", path).stderr
    )


def test_files_and_folders_are_sent_and_what_is_no_dicom_is_passed_over(hilum, archive, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    shutil.copy(MR, tmp_path / "deep" / "er" / "IM1")
    shutil.copy(SHIPPED / "dicomdirtests" / "DICOMDIR", tmp_path / "DICOMDIR")
    (tmp_path / "notes.txt").write_text("no DICOM")
    shown = hilum("send", archive.peer, CT, tmp_path)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith(f"2 of 2 objects stored by {archive.peer}, ")
    assert shown.stdout.endswith("; passed over 2 other files\n")
    assert shown.stderr == ""


def test_each_file_that_is_not_stored_is_listed_with_the_status_in_words(hilum, archive, tmp_path):
    archive.answer[CT_STORAGE] = 0xA900
    archive.answer[MR_STORAGE] = 0xB000
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(CT.read_bytes()[:200])
    shown = hilum("send", archive.peer, CT, MR, SHIPPED / "rtdose_rle.dcm", broken, __file__)
    assert shown.exit_code == 1
    assert shown.stdout.startswith("1 of 5 objects stored by ")
    listed = dict(line.strip().split(": ", 1) for line in shown.stderr.splitlines())
    assert listed[str(CT)] == "not stored: 0xA900 data set does not match SOP class"
    assert listed[str(MR)] == "stored with a warning: 0xB000 warning: coercion of data elements"
    assert listed[str(SHIPPED / "rtdose_rle.dcm")] == (
        "not stored: the peer accepts no presentation context for RT Dose Storage in RLE Lossless"
    )
    assert listed[str(broken)].startswith("not sent: ")
    assert listed[__file__] == "not sent: is not a DICOM file (PS3.10 7.1)"


def test_an_association_that_breaks_costs_one_file_and_the_others_go_over_a_new_one(hilum, archive, tmp_path):
    archive.answer[CT_STORAGE] = "abort"
    shown = hilum("send", archive.peer, MR, CT, MR)
    assert shown.exit_code == 1
    assert shown.stdout.startswith("2 of 3 objects stored by ")
    assert [line.split(": ")[:2] for line in shown.stderr.splitlines()] == [[f"  {CT}", "not stored"]]


def test_a_peer_that_is_not_there_fails_every_file_once(hilum, unused_port):
    shown = hilum("send", f"PACS@127.0.0.1:{unused_port}", CT, MR)
    assert shown.exit_code == 1
    assert shown.stdout.startswith("0 of 2 objects stored by ")
    assert len(shown.stderr.splitlines()) == 2


def test_a_peer_that_accepts_nothing_fails_with_what_it_was_offered(hilum, archive):
    shown = hilum("send", archive.peer, SHIPPED / "rtdose_rle.dcm")
    assert shown.exit_code == 1
    assert "accepts no presentation context for RT Dose Storage in RLE Lossless" in shown.stderr


def test_nothing_to_send_is_an_error(hilum, archive, tmp_path):
    shown = hilum("send", archive.peer, tmp_path)
    assert shown.exit_code == 1
    assert shown.stderr == f"hilum: {tmp_path}: there is no DICOM file\n"
    assert hilum("send", archive.peer, tmp_path / "gone").exit_code == 2


def test_files_are_split_where_the_next_would_need_one_context_too_many():
    kinds = ["a", "a", "b", "a", "c", "b"]
    made = [
        DicomFile(
            path=Path(str(index)),
            sop_class_uid=kind,
            sop_instance_uid="1",
            transfer_syntax_uid="1",
            data_set_offset=0,
            data_set_bytes=0,
        )
        for index, kind in enumerate(kinds)
    ]
    assert [[file.sop_class_uid for file in batch.files] for batch in batches(made, most=2)] == [
        ["a", "a", "b", "a"],
        ["c", "b"],
    ]


@pytest.fixture
def storescp(tmp_path, unused_port):
    """DCMTK's storescp, which keeps the bytes that it gets."""
    program = shutil.which("storescp")
    if program is None:
        pytest.skip("storescp (DCMTK) is not installed")
    folder = tmp_path / "storescp"
    folder.mkdir()
    process = subprocess.Popen(
        [program, "+B", "--promiscuous", "-od", folder, "-aet", "DCMTK", str(unused_port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", unused_port)) == 0:
                break
        time.sleep(0.05)
    yield f"DCMTK@127.0.0.1:{unused_port}", folder
    process.terminate()
    process.wait()


def test_more_kinds_than_one_association_can_hold_arrive_bit_for_bit(hilum, storescp, tmp_path):
    peer, folder = storescp
    sent = tmp_path / "sent"
    sent.mkdir()
    for number in range(1, 141):
        private_file(sent, number)
    shutil.copy(SHIPPED / "ExplVR_BigEnd.dcm", sent)
    shown = hilum("send", peer, sent)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("141 of 141 objects stored by ")

    def data_sets(place):
        return {
            one.sop_instance_uid: one.path.read_bytes()[split_dataset(one.path)[1] :]
            for one in find_dicom_files([place]).files
        }

    assert data_sets(folder) == data_sets(sent)


def test_links_that_lead_nowhere_are_passed_over(tmp_path):
    shutil.copy(CT, tmp_path / "ct.dcm")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "through").symlink_to("ct.dcm/below")
    (tmp_path / "gone").symlink_to("nothing")
    (tmp_path / "again.dcm").symlink_to("ct.dcm")
    found = find_dicom_files([tmp_path])
    assert [file.path.name for file in found.files] == ["again.dcm", "ct.dcm"]
    assert found.unsendable == ()
