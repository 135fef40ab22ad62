"""What can go wrong, and what the people and programs around the router then see."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.testing import RawAssociation, RunningRouter, SentFile, running_router, send
from hilum_core.testing.raw import Ended, Rejected, associate_rq, c_store_rq, read_pdu

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
CT = (CTImageStorage, ExplicitVRLittleEndian)
PEERS = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    [peers.viewer]
    ae_title = "VIEWER"
    [peers.elsewhere]
    ae_title = "ELSEWHERE"
    host = "192.0.2.7"
    may_send = true
    """


def folder_config(folder: Path, more: str = "") -> str:
    folder.mkdir(exist_ok=True)
    return f"""{PEERS}
        [sinks.folder]
        type = "folder"
        path = "{folder}"
        layout = "{{SOPInstanceUID}}.dcm"
        [[routes]]
        name = "all"
        sinks = ["folder"]
        {more}
        """


# ---- it cannot start


def config_file(
    folder: Path, *, listen: str = "127.0.0.1:0", state_dir: Path | None = None, more: str = ""
) -> Path:
    path = folder / "hilum.toml"
    state = state_dir or folder / "state"
    path.write_text(f'[router]\nlisten = "{listen}"\nstate_dir = "{state}"\n{more}')
    return path


def test_a_port_in_use_ends_the_run_with_one_line_and_status_1(hilum, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        run = hilum("run", "--config", config_file(tmp_path, listen=address))
    assert run.returncode == 1
    assert run.stderr == (
        f"hilum: router.listen: cannot listen on {address} (Address already in use); "
        "stop what listens there, or choose another port\n"
    )


@pytest.mark.parametrize("state_dir", ["{folder}/file/state", "{folder}/file", "/proc/hilum"])
def test_a_state_directory_that_cannot_be_written_ends_the_run_with_one_line(hilum, tmp_path, state_dir):
    (tmp_path / "file").write_text("in the way")
    state_dir = state_dir.format(folder=tmp_path)
    run = hilum("run", "--config", config_file(tmp_path, state_dir=Path(state_dir)))
    assert (run.returncode, run.stderr.count("\n")) == (1, 1), run.stderr
    assert state_dir in run.stderr


@pytest.mark.parametrize(
    "fault", ["", "[peers.ct1]\nae_title = 17\n", "[peers.ct1]\nae_title = 'CT1'\nmay_snd = true\n"]
)
def test_faults_of_what_reception_needs_end_the_run_with_78(hilum, tmp_path, fault):
    path = config_file(tmp_path, more=fault)
    if not fault:
        path.write_text("[router]\n")
    run = hilum("run", "--config", path)
    assert run.returncode == 78
    assert run.stderr.startswith(f"{path}: 1 problem\n")


def test_a_config_that_is_not_there_ends_the_run_with_78(hilum, tmp_path):
    run = hilum("run", "--config", tmp_path / "none.toml")
    assert (run.returncode, run.stderr.count("\n")) == (78, 1)


FAULTY = """
[router]
state_dir = "/var/lib/hilum"
lisen = "127.0.0.1:0"
keep_settled = "a while"
[peers.ct1]
ae_title = "AN AE TITLE THAT IS TOO LONG"
may_send = "yes"
[filters.ct]
type = "tags"
where = { Modalty = ["CT"] }
[transforms.mri]
type = "edt"
[sinks.pacs]
type = "dicom"
peer = "pasc"
prt = 104
delivery = { first_retry = "1h", longest_retry = "1m" }
[sinks.trial]
type = "folder"
path = "relative"
deidentified_only = true
[[routes]]
name = "a"
from = ["ct2"]
filters = ["ct1"]
sinks = ["pacs", "archive"]
[[routes]]
name = "b"
sinks = []
[[routes]]
name = "a"
sinks = ["trial"]
"""


def test_every_fault_of_a_config_stands_in_one_report(hilum, tmp_path):
    path = tmp_path / "hilum.toml"
    path.write_text(FAULTY)
    check = hilum("check", "--config", path)
    assert check.returncode == 78
    for words in (
        "router.lisen: unknown key; did you mean 'listen'?",
        "router.keep_settled",
        "peers.ct1.ae_title",
        "peers.ct1.may_send",
        "filters.ct.where",
        "transforms.mri.type",
        "sinks.pacs.peer",
        "sinks.pacs.prt",
        "sinks.pacs.delivery.longest_retry",
        "sinks.trial.path",
        "routes[0].from[0]",
        "routes[0].filters[0]",
        "routes[0].sinks[1]",
        "routes[1].sinks",
        "routes[2].name",
    ):
        assert words in check.stderr
    strict = hilum("run", "--strict", "--config", path)
    assert (strict.returncode, strict.stderr) == (78, check.stderr)


# ---- plugins

BROKEN_AT_IMPORT = """
    patient = "Doe^Planted"
    raise RuntimeError(f"cannot think of {patient}")
    """
BROKEN_AT_REGISTRATION = """
    from hilum_sdk import hookimpl
    @hookimpl
    def hilum_register_sinks():
        yield from {}["Doe^Planted"]
    """
WORKING_FOLDER = """
    from hilum_sdk import SinkSpec, hookimpl
    from hilum_sink_folder.config import FolderConfig
    @hookimpl
    def hilum_register_sinks():
        yield SinkSpec(type="folder", config=FolderConfig, create="hilum_sink_folder.sink:FolderSink")
    """


@pytest.mark.parametrize(
    "broken",
    [
        (BROKEN_AT_IMPORT, "cannot be imported: raised RuntimeError at acme_tape.py:3"),
        (BROKEN_AT_REGISTRATION, "hilum_register_sinks raised KeyError at acme_tape.py:5"),
    ],
)
def test_a_broken_plugin_stops_neither_reception_nor_the_others_and_is_named(
    install, hilum, make_object, tmp_path, broken
):
    code, reason = broken
    install("acme-tape", "sinks", "tape", code)
    more = '[sinks.tape]\ntype = "tape"\n[[routes]]\nname = "tape"\nsinks = ["tape"]\n'
    with running_router(tmp_path, folder_config(tmp_path / "sink", more)) as router:
        check = hilum("check", "--config", router.config_path)
        assert check.returncode == 78
        assert "acme-tape 1.5" in check.stderr and reason in check.stderr
        assert list(send([make_object(tmp_path / "objects", 1)], router.port).values()) == [0]
        router.wait_until(lambda: router.deliveries("folder", "delivered"))
        assert [row.state for row in router.deliveries("tape")] == ["ready"]
        status = hilum("queue", "status", "--json", "--config", router.config_path)
        (problem,) = json.loads(status.stdout)["status"]["problems"]
        assert problem["label"] == "sinks.tape"
        assert "acme-tape 1.5" in problem["text"] and reason in problem["text"]
        monitor = hilum("queue", "status", "--check", "--config", router.config_path)
        assert monitor.returncode == 1 and "sinks.tape" in monitor.stdout
        assert "Planted" not in router.log() + check.stderr + status.stdout + monitor.stdout


def test_a_broken_filter_keeps_what_it_should_see_waiting_and_is_named(install, hilum, make_object, tmp_path):
    install("acme-tape", "filters", "oracle", BROKEN_AT_IMPORT)
    config = folder_config(tmp_path / "sink", '[filters.oracle]\ntype = "oracle"\n')
    config = config.replace('name = "all"', 'name = "all"\nfilters = ["oracle"]')
    with running_router(tmp_path, config) as router:
        assert list(send([make_object(tmp_path / "objects", 1)], router.port).values()) == [0]
        router.wait_until(router.objects)
        status = router.wait_until(
            lambda: (
                (found := hilum("queue", "status", "--config", router.config_path).stdout).count("oracle")
                and found
            )
        )
        assert "filters.oracle" in status and "acme-tape 1.5" in status
        assert [row.state for row in router.objects()] in (["received"], ["routing"])


def test_an_unknown_type_lists_what_is_installed_and_two_of_a_type_are_told_apart(install, hilum, tmp_path):
    install("acme-folder", "sinks", "folder", WORKING_FOLDER)
    path = config_file(
        tmp_path,
        more=f"""
        [sinks.a]
        type = "folder"
        path = "{tmp_path}"
        [sinks.b]
        type = "acme-folder:folder"
        path = "{tmp_path}"
        [sinks.c]
        type = "flder"
        [[routes]]
        name = "all"
        sinks = ["a", "b", "c"]
        """,
    )
    check = hilum("check", "--config", path)
    assert check.returncode == 78
    assert 'write type = "acme-folder:folder" or type = "hilum-sink-folder:folder"' in check.stderr
    assert "no sink of the type 'flder' is installed; did you mean 'folder'?" in check.stderr
    assert "dicom (hilum-sink-dicom 0.1.0)" in check.stderr
    assert "sinks.b" not in check.stderr


# ---- callers


@pytest.fixture(scope="module")
def router(tmp_path_factory) -> Iterator[RunningRouter]:
    """One router for all that peers do wrong; it must outlive it and take good objects after each."""
    place = tmp_path_factory.mktemp("errors")
    config = folder_config(place / "sink")
    with running_router(
        place, config, most_associations=8, receive_processes=1, idle_timeout="5s"
    ) as running:
        yield running
        assert "defect" not in running.log()


@pytest.fixture
def unharmed(router, make_object, tmp_path) -> Iterator[None]:
    """The router keeps nothing of what the test sent, and takes a good object after it."""
    before = {row.stored.instance.id for row in router.objects()}
    yield
    file = make_object(tmp_path / "good", 900_000 + len(before))
    assert send([file], router.port) == {file.path: 0}
    router.wait_until(
        lambda: router.objects("settled") and {row.stored.instance.id for row in router.objects()} - before
    )
    new = [row for row in router.objects() if row.stored.instance.id not in before]
    assert [row.stored.instance.sop_instance_uid for row in new] == [file.sop_instance_uid]
    spooled = [path for path in (router.state_dir / "spool").rglob("*") if path.is_file()]
    assert len([path for path in spooled if "incomplete" in path.parts]) == 0


@pytest.mark.parametrize(
    ("calling_ae", "called_ae", "reason"),
    [("MODALITY", "OTHER", "called"), ("STRANGER", "HILUM", "calling"), ("ELSEWHERE", "HILUM", "calling")],
)
def test_who_is_not_in_the_inventory_is_rejected_with_the_right_reason(
    router, run_dcmtk, calling_ae, called_ae, reason
):
    with pytest.raises(Rejected) as rejected:
        RawAssociation.open(router.port, [CT], calling_ae=calling_ae, called_ae=called_ae)
    assert rejected.value.answer == {"called": (1, 1, 7), "calling": (1, 1, 3)}[reason]  # PS3.8 9.3.4
    echo = run_dcmtk("echoscu", "-aet", calling_ae, "-aec", called_ae, "127.0.0.1", router.port)
    assert echo.returncode != 0
    assert f"{reason} AE Title Not Recognized" in echo.stderr.replace("Call", "call")


def test_a_peer_that_may_not_send_may_echo_and_has_its_storage_contexts_refused(router, run_dcmtk):
    assert run_dcmtk("echoscu", "-aet", "VIEWER", "-aec", "HILUM", "127.0.0.1", router.port).returncode == 0
    with RawAssociation.open(router.port, [CT], calling_ae="VIEWER") as association:
        assert association.contexts == {}


def test_beyond_the_limit_callers_are_told_to_come_again(router):
    opened = [RawAssociation.open(router.port, [CT]) for _ in range(8)]
    with pytest.raises(Rejected) as rejected:
        RawAssociation.open(router.port, [CT])
    assert rejected.value.answer == (2, 3, 2)
    for association in opened:
        association.release()

    def admitted() -> bool:
        try:
            RawAssociation.open(router.port, [CT]).release()
        except Rejected:
            return False
        return True

    router.wait_until(admitted)


def test_a_full_disk_refuses_callers_instead_of_lying_to_them(make_object, tmp_path):
    with (
        running_router(tmp_path, folder_config(tmp_path / "sink"), refuse_below_free="1000TiB") as full,
        pytest.raises(Rejected) as rejected,
    ):
        RawAssociation.open(full.port, [CT])
    assert rejected.value.answer == (2, 3, 2)


def test_it_listens_on_ipv6_too(tmp_path):
    with (
        running_router(tmp_path, folder_config(tmp_path / "sink"), listen="[::1]:0") as router,
        socket.create_connection(("::1", router.port), 10) as sock,
    ):
        sock.sendall(associate_rq([CT]))
        kind, _ = read_pdu(sock)
        assert kind == 2  # A-ASSOCIATE-AC


def test_without_a_common_context_the_association_says_so_for_each(router, unharmed):
    contexts = [(STUDY_ROOT_FIND, ExplicitVRLittleEndian), ("not a uid", ExplicitVRLittleEndian)]
    with RawAssociation.open(router.port, contexts) as association:
        assert association.contexts == {}
        association.release()


# ---- what they send


def p_data(context_id: int, control: int, data: bytes, *, pdv_bytes: int | None = None) -> bytes:
    pdv = struct.pack(">IBB", pdv_bytes or len(data) + 2, context_id, control) + data
    return struct.pack(">BBI", 4, 0, len(pdv)) + pdv


COMMAND = c_store_rq(CTImageStorage, "1.2.826.0.1.3680043.10.1553.77", 1)
WITHOUT_DATA_SET = COMMAND.replace(
    struct.pack("<HHIH", 0, 0x0800, 2, 1), struct.pack("<HHIH", 0, 0x0800, 2, 0x0101)
)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(p_data(1, 3, COMMAND, pdv_bytes=999_999), id="a PDV longer than its PDU"),
        pytest.param(p_data(1, 3, COMMAND) + struct.pack(">BBI", 4, 0, 1 << 31), id="a PDU of 2 GiB"),
        pytest.param(struct.pack(">BBI", 0x5F, 0, 4) + b"what", id="a PDU of unknown type"),
        pytest.param(p_data(1, 3, COMMAND) + p_data(1, 0, b"x" * 99)[:50], id="a PDU that ends early"),
        pytest.param(p_data(1, 3, COMMAND[:40]), id="a command set that ends early"),
        pytest.param(p_data(1, 3, b"\xff" * 64), id="a command set of noise"),
        pytest.param(p_data(1, 3, WITHOUT_DATA_SET), id="a command without a data set"),
        pytest.param(p_data(1, 3, COMMAND) + p_data(1, 0, b"half a data set"), id="half an object"),
        pytest.param(p_data(3, 3, COMMAND), id="a context that was not accepted"),
        pytest.param(associate_rq([CT]), id="a second A-ASSOCIATE-RQ"),
    ],
)
def test_what_is_malformed_or_breaks_off_is_not_acknowledged_and_not_kept(router, unharmed, sent):
    with RawAssociation.open(router.port, [CT]) as association:
        association.sock.sendall(sent)
        association.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(Ended):
            assert association.read_status() != 0


def test_noise_instead_of_dicom_gets_no_answer_but_an_abort(router, unharmed):
    with socket.create_connection(("127.0.0.1", router.port), 10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: hospital\r\n\r\n")
        try:
            kind, _ = read_pdu(sock)
        except Ended:
            kind = 7
        assert kind == 7


def test_the_same_object_twice_is_acknowledged_twice_and_lies_there_once(router, make_object, tmp_path):
    file = make_object(tmp_path, 1)
    for _ in range(2):
        assert send([file], router.port) == {file.path: 0}
    router.wait_until(
        lambda: (
            sum(
                row.stored.instance.sop_instance_uid == file.sop_instance_uid
                for row in router.objects("settled")
            )
            == 2
        )
    )
    sink = router.state_dir.parent / "sink"
    assert [SentFile.read(path).data_set for path in sink.glob(f"{file.sop_instance_uid}*")] == [
        file.data_set
    ]


def test_an_object_that_names_another_instance_is_acknowledged_and_held(router, hilum, make_object, tmp_path):
    file = make_object(tmp_path, 2)
    with RawAssociation.open(router.port, [CT]) as association:
        assert association.store(CTImageStorage, "1.2.3.4.5", [file.data_set]) == 0
        association.release()
    (held,) = router.wait_until(lambda: router.objects("held"))
    assert held.reason == "mismatch: its data set has another SOP Instance UID than the C-STORE command named"
    cancelled = hilum(
        "queue", "cancel", held.stored.instance.id, "--because", "a test", "--config", router.config_path
    )
    assert cancelled.returncode == 0, cancelled.stderr
    assert not router.objects("held")


def test_an_object_with_an_unreadable_header_is_kept_and_visible_and_goes_out_by_hand(
    router, hilum, run_dcmtk
):
    noise = b"\x08\x00\x16\x00UI\xff\xffthis is no data set at all" + bytes(range(256))
    with RawAssociation.open(router.port, [CT]) as association:
        assert association.store(CTImageStorage, "1.2.826.0.1.3680043.10.1553.666", [noise]) == 0
        association.release()
    (held,) = router.wait_until(lambda: router.objects("held"))
    assert held.reason.startswith("unreadable: its header cannot be read")
    object_id = held.stored.instance.id
    listed = hilum("queue", "list", "--state", "held", "--json", "--config", router.config_path)
    assert [row["stored"]["instance"]["id"] for row in json.loads(listed.stdout)] == [object_id]
    shown = hilum("queue", "show", object_id, "--config", router.config_path)
    assert "unreadable" in shown.stdout
    release = hilum("queue", "release", object_id, "--to", "folder", "--config", router.config_path)
    assert release.returncode == 0, release.stderr
    router.wait_until(lambda: not router.objects("held") and not router.objects("routed"))
    (path,) = (router.state_dir.parent / "sink").glob("*1553.666*")
    assert path.read_bytes().endswith(noise)


# ---- a new config


def test_a_bad_config_is_refused_at_reload_and_a_good_one_is_taken(make_object, hilum, tmp_path):
    first, second = folder_config(tmp_path / "first"), folder_config(tmp_path / "second")
    with running_router(tmp_path, first) as router:
        text = router.config_path.read_text()
        router.config_path.write_text(text.replace('type = "folder"', 'type = "flder"'))
        router.process.send_signal(signal.SIGHUP)
        router.wait_until(lambda: "the new config is refused" in router.log())
        assert "hilum check says why" in router.log()
        send([make_object(tmp_path / "objects", 1)], router.port)
        router.wait_until_idle(objects=1)
        assert len(list((tmp_path / "first").glob("*.dcm"))) == 1
        router.config_path.write_text(text.replace(first, second))
        before = set(router.processes()["receive"])
        router.process.send_signal(signal.SIGHUP)
        router.wait_until(lambda: "took a new config" in router.log())
        router.wait_until(lambda: not before & set(router.processes()["receive"]))
        send([make_object(tmp_path / "objects", 2)], router.port)
        router.wait_until_idle(objects=2)
        assert len(list((tmp_path / "second").glob("*.dcm"))) == 1
        assert [row.revision for row in sorted(router.deliveries(), key=lambda row: row.delivery_id)] == [
            1,
            2,
        ]
        assert router.stop() == 0
    assert (tmp_path / "state" / "config" / "000002.toml").exists()
