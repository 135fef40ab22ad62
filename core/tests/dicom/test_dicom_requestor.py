"""The requestor, against acceptors that do all that acceptors do."""

import contextlib
import io
import random
import re
import socket
import struct
import threading
import zlib
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from hilum_core.dicom import command as dimse
from hilum_core.dicom import pdu
from hilum_core.dicom.acceptor import (
    CALLED_AE_NOT_RECOGNISED,
    LIMIT_EXCEEDED,
    AcceptorSettings,
    Admission,
    Ending,
    StoreRefused,
)
from hilum_core.dicom.command import decode_command, encode_command, response_to
from hilum_core.dicom.conversation import _Wait
from hilum_core.dicom.negotiation import (
    AssociateAccept,
    ContextResult,
    UserInformation,
    decode_associate_rq,
    encode_associate_ac,
)
from hilum_core.dicom.requestor import (
    AssociationLost,
    AssociationRejected,
    FileSegment,
    NoContextAccepted,
    NotConnected,
    RemoteNode,
    RequestorAssociation,
    RequestorError,
    RequestorSettings,
)
from hilum_core.dicom.transport import TICK_S
from hilum_sdk import ContextNeed

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
VERIFICATION = "1.2.840.10008.1.1"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
QUICK = RequestorSettings(
    calling_ae="HILUM",
    association_timeout_s=0.2,
    response_timeout_s=0.2,
    response_timeout_s_per_mib=0,
    send_timeout_s=0.2,
    release_timeout_s=0.2,
)
SETTINGS = RequestorSettings(calling_ae="HILUM", response_timeout_s=10, release_timeout_s=2)


def open_to(port, *needs, settings=SETTINGS, **options):
    wanted = [ContextNeed(sop_class_uid=sop, transfer_syntaxes=syntaxes) for sop, syntaxes in needs]
    node = RemoteNode(host="127.0.0.1", port=port, ae_title="ARCHIVE")
    return RequestorAssociation.open(
        node, wanted or [ContextNeed(sop_class_uid=CT, transfer_syntaxes=(EXPLICIT,))], settings, **options
    )


def store(association, source, *, uid="1.2.3", syntax=EXPLICIT, progress=None):
    if isinstance(source, bytes):
        source = io.BytesIO(source)
    return association.store(
        source, sop_class_uid=CT, sop_instance_uid=uid, transfer_syntax_uid=syntax, progress=progress
    )


class Connection:
    """An acceptor's side of one connection, to be written by hand."""

    def __init__(self, sock):
        self.sock = sock

    def read(self):
        header = self._exactly(6)
        if not header:
            return None
        kind, length = pdu.PDU_HEADER.unpack(header)
        return kind, self._exactly(length)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                return b""
            data += more
        return data

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def accept(self, *, result=0, syntax=EXPLICIT, context_id=1, max_pdu_bytes=16384):
        kind, body = self.read()
        assert kind == pdu.A_ASSOCIATE_RQ
        request = decode_associate_rq(body)
        context = ContextResult(context_id=context_id, result=result, transfer_syntax=syntax)
        user = UserInformation(max_pdu_bytes=max_pdu_bytes)
        self.send(encode_associate_ac(AssociateAccept(names=request.names, contexts=(context,), user=user)))
        return request

    def message(self):
        """The next message: its command, its data set and the sizes of its PDUs."""
        parts, sizes = {True: b"", False: b""}, []
        while True:
            _, body = self.read()
            sizes.append(len(body))
            length, _, control = pdu.PDV_HEADER.unpack_from(body)
            assert length == len(body) - 4
            is_command = bool(control & pdu.COMMAND)
            parts[is_command] += body[6:]
            if control & pdu.LAST and not (is_command and decode_command(parts[True]).has_data_set):
                return decode_command(parts[True]), parts[False], sizes

    def answer(self, command, status=0, **elements):
        self.send(pdu.p_data(1, pdu.COMMAND, response_to(command, status), 0))

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@pytest.fixture
def scripted():
    """Run an acceptor by a script, a function of its `Connection`; its port. Its faults fail the test."""
    with contextlib.ExitStack() as stack:
        faults = []

        def start(script):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def run():
                sock, _ = listening.accept()
                sock.settimeout(10)
                with sock:
                    try:
                        script(Connection(sock))
                    except BaseException as fault:  # noqa: BLE001 - raised again by the test's thread
                        faults.append(fault)

            thread = threading.Thread(target=run)
            thread.start()
            stack.callback(thread.join)
            return listening.getsockname()[1]

        yield start
    if faults:
        raise faults[0]


# ---- objects


@pytest.mark.parametrize("max_pdu_bytes", [0, 8, 257, 4096, 16384, 131072, 50_000_000])
@pytest.mark.parametrize("size", [0, 1, 2, 16378, 2 * 16378, 1_000_000, 3_000_001])
def test_an_object_arrives_as_it_is_whatever_the_peers_maximum(running, tmp_path, size, max_pdu_bytes):
    if max_pdu_bytes == 8:
        size = min(size, 20_000)
    data = random.Random(size).randbytes(size)
    path = tmp_path / "object"
    path.write_bytes(b"head" + data + b"what follows")
    acceptor = running(settings=AcceptorSettings(max_pdu_bytes=max_pdu_bytes, most_pdu_bytes=1 << 26))
    with path.open("rb") as stream, open_to(acceptor.port) as association:
        assert association.accepted == {CT: (EXPLICIT,)}
        segment = FileSegment(fd=stream.fileno(), offset=4, length=size)
        assert store(association, segment, uid="1.2.3").status == 0
        assert stream.tell() == 0
        assert store(association, data, uid="1.2.4").status == 0
    assert [(request.sop_instance_uid, received) for request, received in acceptor.objects] == [
        ("1.2.3", data),
        ("1.2.4", data),
    ]
    assert acceptor.report().ending is Ending.RELEASED


@pytest.mark.parametrize("size", [0, 1, 1000, 65_536, 1_000_001])
def test_an_object_that_was_read_ahead_arrives_as_it_is(running, tmp_path, size):
    data = {uid: random.Random(uid).randbytes(size) for uid in ("1.2.1", "1.2.2", "1.2.3")}
    path = tmp_path / "objects"
    path.write_bytes(b"".join(data.values()))
    acceptor = running()
    with path.open("rb") as stream, open_to(acceptor.port) as association:
        segments = {
            uid: FileSegment(fd=stream.fileno(), offset=index * size, length=size)
            for index, uid in enumerate(data)
        }
        association.get_ready(segments["1.2.1"])
        store(association, segments["1.2.1"], uid="1.2.1")
        association.get_ready(segments["1.2.1"])
        store(association, segments["1.2.2"], uid="1.2.2")  # another than the one that is ready
        same = FileSegment(fd=stream.fileno(), offset=2 * size, length=size)
        association.get_ready(same)
        store(association, segments["1.2.3"], uid="1.2.3")  # equal, but its descriptor may be another file's
    assert {request.sop_instance_uid: received for request, received in acceptor.objects} == data


def test_a_source_that_cannot_be_read_ahead_leaves_the_association_as_it_was(running, tmp_path):
    path = tmp_path / "object"
    path.write_bytes(b"short")
    acceptor = running()
    with path.open("rb") as stream, open_to(acceptor.port) as association:
        with pytest.raises(OSError, match="ends before"):
            association.get_ready(FileSegment(fd=stream.fileno(), offset=0, length=100))
        assert store(association, b"data").status == 0
    assert acceptor.objects[0][1] == b"data"


def test_progress_is_told_as_the_peer_takes_bytes(running):
    told = []
    with open_to(running().port) as association:
        assert store(association, bytes(5_000_000), progress=lambda: told.append(1)).status == 0
    assert told


@pytest.mark.parametrize("size", [300_000, 8_000_000])
def test_progress_is_told_while_the_buffers_of_the_system_empty(scripted, size):
    told = []

    def script(connection):
        connection.accept()
        threading.Event().wait(2 * TICK_S)
        told.clear()  # what follows is for what the system had taken already, or could not take
        command, _, _ = connection.message()
        threading.Event().wait(2 * TICK_S)
        connection.answer(command)
        connection.read()

    with open_to(scripted(script)) as association:
        store(association, bytes(size), progress=lambda: told.append(1))
    assert told


def test_progress_is_told_while_the_answer_is_waited_for(scripted):
    told = []

    def script(connection):
        connection.accept()
        command, _, _ = connection.message()
        told.clear()
        threading.Event().wait(3 * TICK_S)  # the archive stores before it answers
        connection.answer(command)
        connection.read()

    with open_to(scripted(script)) as association:
        store(association, b"data", progress=lambda: told.append(1))
    assert told


def test_the_time_for_an_answer_begins_anew_as_long_as_the_peer_takes_bytes():
    class Channel:
        acknowledged = 0

        def bytes_acknowledged(self):
            return self.acknowledged

    channel = Channel()
    wait = _Wait(channel, 1000, None)
    wait._deadline = 0
    assert not wait.tick()
    assert wait.left_s < 0
    channel.acknowledged += 1
    assert not wait.tick()
    assert wait.left_s > 0


def test_fragments_are_even_and_within_the_peers_maximum(scripted):
    seen = []

    def script(connection):
        connection.accept(max_pdu_bytes=1001)
        command, data, sizes = connection.message()
        seen.extend((data, sizes))
        connection.answer(command)
        assert connection.read()[0] == pdu.A_RELEASE_RQ
        connection.send(pdu.encode_release_rp())

    with open_to(scripted(script)) as association:
        assert store(association, bytes(2001)).status == 0
    data, sizes = seen
    assert data == bytes(2001)
    assert sizes[1:] == [1000, 1000, 2001 - 2 * 994 + 6]


def test_a_stream_that_gives_little_at_a_time_is_sent_whole(running):
    data = random.Random(1).randbytes(100_000)

    class Trickle(io.BytesIO):
        def read(self, count=-1):
            return super().read(min(count, 777))

    acceptor = running()
    with open_to(acceptor.port) as association:
        assert store(association, Trickle(data)).status == 0
    assert acceptor.objects[0][1] == data


@pytest.mark.parametrize(("syntax", "added"), [(DEFLATED, b"\0"), (EXPLICIT, b"")])
@pytest.mark.parametrize("size", [1, 101, 131066 - 1, 1_048_577])
def test_only_an_odd_deflated_data_set_gets_a_byte(running, tmp_path, syntax, added, size):
    acceptor = running()
    path = tmp_path / "odd"
    path.write_bytes(b"\7" * size)
    with open_to(acceptor.port, (CT, (syntax,))) as association, path.open("rb") as stream:
        store(association, FileSegment(stream.fileno(), 0, size), syntax=syntax)
        store(association, b"\7" * size, syntax=syntax)
        store(association, b"even", syntax=syntax)
    assert [data for _, data in acceptor.objects] == [b"\7" * size + added] * 2 + [b"even"]


def test_the_context_is_chosen_by_sop_class_and_transfer_syntax(running):
    acceptor = running()
    needs = [(MR, (IMPLICIT,)), (CT, (EXPLICIT, IMPLICIT, DEFLATED))]
    with open_to(acceptor.port, *needs) as association:
        assert association.accepted == {MR: (IMPLICIT,), CT: (EXPLICIT, IMPLICIT, DEFLATED)}
        for syntax in (IMPLICIT, DEFLATED, EXPLICIT):
            assert store(association, b"xy", syntax=syntax).status == 0
        with pytest.raises(NoContextAccepted, match=re.escape(f"SOP class {CT} in transfer syntax 1.2.3")):
            store(association, b"xy", syntax="1.2.3")
        assert association.is_usable
    assert [request.transfer_syntax_uid for request, _ in acceptor.objects] == [IMPLICIT, DEFLATED, EXPLICIT]


def test_a_refusal_is_an_answer_and_the_association_goes_on(running):
    acceptor = running()
    with open_to(acceptor.port) as association:
        acceptor.shelf.fail_at["begin"] = StoreRefused(0xA700, "disk full")
        answer = store(association, b"xy")
        assert (answer.status, answer.comment) == (0xA700, "disk full")
        acceptor.shelf.fail_at.clear()
        assert store(association, b"xy").status == 0


def test_message_ids_start_again_after_the_last(running):
    acceptor = running()
    with open_to(acceptor.port) as association:
        association._conversation._last_message_id = 0xFFFE
        for _ in range(3):
            assert store(association, b"xy").status == 0
    assert [request.message_id for request, _ in acceptor.objects] == [0xFFFF, 1, 2]


# ---- negotiation


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(NotConnected, match="no connection: Connection refused; check host, port"):
        open_to(port)


def test_no_such_host():
    node = RemoteNode(host="no-such-host.invalid", port=104, ae_title="X")
    with pytest.raises(NotConnected, match="no connection"):
        RequestorAssociation.open(node, [], SETTINGS)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "\udc80"])
def test_what_cannot_be_the_name_of_a_host(host):
    node = RemoteNode(host=host, port=104, ae_title="X")
    with pytest.raises(NotConnected, match="no connection: this cannot be the name of a host"):
        RequestorAssociation.open(node, [], SETTINGS)


def test_a_connection_that_nobody_answers():
    with socket.socket() as listening, contextlib.ExitStack() as stack:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):  # the queue of the system is full: further requests are dropped without a word
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        settings = RequestorSettings(calling_ae="HILUM", connect_timeout_s=0.2)
        with pytest.raises(NotConnected, match="no connection: nobody answers; check host, port"):
            open_to(listening.getsockname()[1], settings=settings)


def test_a_name_with_several_addresses_is_called_at_each(running, monkeypatch):
    acceptor = running()
    addresses = [("::1", acceptor.port, 0, 0), ("127.0.0.2", acceptor.port), ("127.0.0.1", acceptor.port)]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *_: [
            (socket.AF_INET6 if ":" in at[0] else socket.AF_INET, socket.SOCK_STREAM, 6, "", at)
            for at in addresses
        ],
    )
    node = RemoteNode(host="archive.example", port=acceptor.port, ae_title="ARCHIVE")
    needs = [ContextNeed(sop_class_uid=CT, transfer_syntaxes=(EXPLICIT,))]
    with RequestorAssociation.open(node, needs, SETTINGS) as association:
        assert store(association, b"data").status == 0
    assert len(acceptor.objects) == 1


@pytest.mark.parametrize(
    ("rejection", "words"),
    [
        (CALLED_AE_NOT_RECOGNISED, "rejected permanently: called AE title not recognised"),
        (LIMIT_EXCEEDED, "rejected for now: local limit exceeded"),
    ],
)
def test_a_rejection_is_told_in_words(running, rejection, words):
    with pytest.raises(AssociationRejected, match=words) as caught:
        open_to(running(decision=rejection).port)
    error = caught.value
    assert (error.result, error.source, error.reason) == (
        rejection.result,
        rejection.source,
        rejection.reason,
    )


def test_no_context_accepted_is_released_and_told(running):
    acceptor = running(decision=Admission(peer="x", may_store=False))
    with pytest.raises(NoContextAccepted, match="none of its presentation contexts"):
        open_to(acceptor.port)
    assert acceptor.report().ending is Ending.RELEASED


@pytest.mark.parametrize(
    "answer",
    [{"result": 3}, {"syntax": IMPLICIT}, {"context_id": 3}, {"syntax": ""}],
)
def test_a_context_is_accepted_only_as_it_was_offered(scripted, answer):
    def script(connection):
        connection.accept(**answer)
        assert connection.read()[0] == pdu.A_RELEASE_RQ
        connection.send(pdu.encode_release_rp())

    with pytest.raises(NoContextAccepted):
        open_to(scripted(script))


def test_what_is_proposed(scripted):
    asked = []

    def script(connection):
        asked.append(connection.accept())
        connection.read()

    open_to(scripted(script), roles={CT: (True, True)}).abort()
    assert (asked[0].called_ae, asked[0].calling_ae) == ("ARCHIVE", "HILUM")
    assert asked[0].user.roles == {CT: (True, True)}
    assert asked[0].user.implementation_version_name.startswith("HILUM")


@pytest.mark.parametrize(
    ("script", "error", "words"),
    [
        (lambda c: c.read(), NotConnected, "no association: the peer closed the connection"),
        (lambda c: (c.read(), c.send(pdu.encode_abort(2, 1)), c.read()), AssociationLost, "unrecognised PDU"),
        (
            lambda c: (c.read(), c.send(b"HTTP/1.1 400"), c.read()),
            NotConnected,
            "sent a PDU of unknown type 48H",
        ),
        (
            lambda c: (c.read(), c.send(pdu.encode_release_rq()), c.read()),
            NotConnected,
            "answered with an A-RELEASE-RQ",
        ),
        (
            lambda c: (c.read(), c.send(pdu.frame(2, bytes(9))), c.read()),
            NotConnected,
            "9 bytes; it has at least 68",
        ),
        (lambda c: (c.read(), c.send(pdu.p_data(1, 3, b"x", 0)), c.read()), NotConnected, "sent data before"),
    ],
)
def test_any_other_answer_is_no_association(scripted, script, error, words):
    with pytest.raises(error, match=words):
        open_to(scripted(script))


def test_no_answer_is_no_association(scripted):
    with pytest.raises(NotConnected, match="does not answer the request"):
        open_to(scripted(lambda connection: (connection.read(), connection.read())), settings=QUICK)


# ---- associations that end before their time


def lost(scripted, script, source=b"data", settings=SETTINGS):
    """What becomes of an object sent to the script."""
    association = open_to(scripted(script), settings=settings)
    with pytest.raises(AssociationLost) as caught:
        store(association, source)
    assert not association.is_usable
    with pytest.raises(AssociationLost, match="has ended already") as again:
        store(association, source)
    assert again.value.nothing_sent
    return caught.value


def test_an_abort_instead_of_an_answer(scripted):
    def script(connection):
        connection.accept()
        connection.message()
        connection.send(pdu.encode_abort())

    error = lost(scripted, script)
    assert (
        error.message == "the peer ended the association: aborted by its application while an object was sent"
    )
    assert not error.nothing_sent


def test_a_connection_closed_instead_of_an_answer(scripted):
    def script(connection):
        connection.accept()
        connection.message()

    error = lost(scripted, script)
    assert error.message == "the peer closed the connection while an object was sent"
    assert not error.nothing_sent


def test_an_abort_in_the_middle_of_a_large_object(scripted):
    def script(connection):
        connection.accept()
        connection.read()
        connection.read()
        connection.send(pdu.encode_abort(2, 6))
        connection.sock.shutdown(socket.SHUT_WR)
        while connection.sock.recv(1 << 20):
            pass

    error = lost(scripted, script, bytes(20_000_000))
    assert "invalid PDU parameter value while an object was sent" in error.message
    assert not error.nothing_sent


def test_no_answer_in_time(scripted):
    def script(connection):
        connection.accept()
        connection.message()
        assert connection.read()[0] == pdu.A_ABORT

    error = lost(scripted, script, settings=QUICK)
    assert error.message == "the peer sent too little in time while an object was sent"
    assert not error.nothing_sent


def test_a_peer_that_takes_nothing_gets_no_abort_among_the_bytes_of_the_object(scripted):
    given_up = threading.Event()
    rest = []

    def script(connection):
        connection.accept()
        given_up.wait(10)
        with contextlib.suppress(ConnectionResetError):
            while more := connection.sock.recv(1 << 20):
                rest.append(more)

    error = lost(scripted, script, b"\xee" * 30_000_000, settings=QUICK)
    given_up.set()
    assert error.message == "the peer took nothing in time while an object was sent"
    assert not b"".join(rest).endswith(pdu.encode_abort())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda command: pdu.p_data(1, pdu.COMMAND, b"garbage", 0), "malformed command set"),
        (lambda command: pdu.p_data(1, 0, b"x", 0), "mixed up command set and data set"),
        (lambda command: pdu.encode_release_rp(), "sent an A-RELEASE-RP"),
        (lambda command: b"\x99" * 10, "unknown type 99H"),
        (lambda command: pdu.p_data(1, pdu.COMMAND, dimse.c_echo_rq(1), 0), "0030H"),
        (
            lambda command: pdu.p_data(
                1, pdu.COMMAND, encode_command({0x100: 0x8001, 0x120: 99, 0x800: 0x101, 0x900: 0}), 0
            ),
            "8001H",
        ),
        (
            lambda command: pdu.p_data(
                1, pdu.COMMAND, encode_command({0x100: 0x8001, 0x120: 1, 0x800: 0x101}), 0
            ),
            "without a status",
        ),
        (
            lambda command: pdu.p_data(
                1, pdu.COMMAND, encode_command({0x100: 0x8001, 0x120: 1, 0x800: 0x101, 0x900: 0})[:-2], 0
            ),
            "malformed command set",
        ),
        (
            lambda command: pdu.p_data(
                1,
                pdu.COMMAND,
                encode_command({0x100: 0x8001, 0x120: 1, 0x800: 0x101}) + bytes.fromhex("0000000900000000"),
                0,
            ),
            "without a status",
        ),
        (
            lambda command: pdu.p_data(
                1, pdu.COMMAND, encode_command({0x100: 0x8030, 0x120: 1, 0x800: 0x101, 0x900: 0}), 0
            ),
            "8030H",
        ),
        (
            lambda command: pdu.p_data(
                1,
                pdu.COMMAND,
                encode_command({0x100: 0x8001, 0x120: 1, 0x800: 0x101, 0x900: 0, 0x1000: "1.2.33"}),
                0,
            ),
            "answered for another object",
        ),
    ],
)
def test_an_answer_that_is_none_ends_the_association(scripted, make, words):
    def script(connection):
        connection.accept()
        command, _, _ = connection.message()
        connection.send(make(command))
        assert connection.read()[0] == pdu.A_ABORT

    error = lost(scripted, script)
    assert words in error.message
    assert not error.nothing_sent


@pytest.mark.parametrize(
    ("end", "words"),
    [
        (lambda c: c.sock.close(), "the peer closed the connection while the association was idle"),
        (lambda c: c.reset(), "the peer reset the connection while the association was idle"),
        (lambda c: c.send(pdu.encode_abort()), "aborted by its application while it was idle"),
        (lambda c: c.send(pdu.encode_release_rq()), "the peer released the association while it was idle"),
        (lambda c: c.send(b"?????????"), "unknown type 3FH: no DICOM peer while the association was idle"),
        (lambda c: c.send(pdu.p_data(1, 3, b"x", 0)), "sent a message that answers nothing"),
    ],
)
def test_an_association_that_died_idle_is_found_before_anything_is_sent(scripted, eventually, end, words):
    ended = threading.Event()

    def script(connection):
        connection.accept()
        command, _, _ = connection.message()
        connection.answer(command)
        end(connection)
        ended.set()

    association = open_to(scripted(script))
    assert store(association, b"first").status == 0
    ended.wait(10)
    eventually(association._conversation.channel._transport.has_bytes)
    with pytest.raises(AssociationLost, match=re.escape(words)) as caught:
        store(association, b"second")
    assert caught.value.nothing_sent


def test_a_connection_that_died_unnoticed_has_carried_nothing(scripted, tmp_path):
    """A peer's machine that was restarted answers our first segment with a reset."""
    port = scripted(lambda connection: (connection.accept(), connection.reset()))
    association = open_to(port)
    channel = association._conversation.channel
    channel.hear = lambda: None  # the reset is not noticed beforehand
    with pytest.raises(AssociationLost) as caught:
        store(association, bytes(100))
    assert caught.value.nothing_sent


def test_a_source_that_ends_too_early_aborts(running, tmp_path):
    acceptor = running()
    path = tmp_path / "short"
    path.write_bytes(bytes(100))
    association = open_to(acceptor.port)
    with path.open("rb") as stream, pytest.raises(OSError, match="the file ends before its data set does"):
        store(association, FileSegment(stream.fileno(), 50, 100))
    assert not association.is_usable
    assert acceptor.report().stored == 0


def test_a_source_that_cannot_be_read_aborts(running):
    class Broken(io.BytesIO):
        def read(self, count=-1):
            if self.tell() > 0:
                raise OSError(5, "Input/output error")
            return super().read(count)

    acceptor = running()
    association = open_to(acceptor.port)
    with pytest.raises(OSError, match="Input/output"):
        store(association, Broken(bytes(3_000_000)))
    assert acceptor.report().ending is Ending.ABORTED_BY_PEER
    assert acceptor.objects == []


def test_an_error_within_the_block_aborts(running):
    acceptor = running()
    with pytest.raises(KeyError), open_to(acceptor.port):
        raise KeyError
    assert acceptor.report().ending is Ending.ABORTED_BY_PEER


# ---- the end in order


def test_both_ask_to_release_at_once(scripted):
    def script(connection):
        connection.accept()
        assert connection.read()[0] == pdu.A_RELEASE_RQ
        connection.send(pdu.encode_release_rq())
        assert connection.read()[0] == pdu.A_RELEASE_RP
        connection.send(pdu.encode_release_rp())
        assert connection.read() is None

    association = open_to(scripted(script))
    association.release()
    association.release()
    assert not association.is_usable


def test_a_peer_that_does_not_answer_the_release_is_left(scripted):
    def script(connection):
        connection.accept()
        assert connection.read()[0] == pdu.A_RELEASE_RQ
        assert connection.read() is None

    open_to(scripted(script), settings=QUICK).release()


def test_nothing_is_left_open(running):
    acceptor = running()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        open_to(acceptor.port).release()
        open_to(acceptor.port).abort()
    acceptor.all_reports(10)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2  # a connection of the last, perhaps


# ---- the rare services


def test_echo(running):
    with open_to(running().port, (VERIFICATION, (IMPLICIT,))) as association:
        association.echo()


def test_echo_that_fails(scripted):
    def script(connection):
        connection.accept(syntax=IMPLICIT)
        command, _, _ = connection.message()
        connection.answer(command, 0x0122)
        connection.read()

    with (
        pytest.raises(
            RequestorError, match="C-ECHO was answered with 0x0122 SOP class not supported"
        ) as caught,
        open_to(scripted(script), (VERIFICATION, (IMPLICIT,))) as association,
    ):
        association.echo()
    assert caught.value.status == 0x0122


def test_an_n_action_is_refused_by_who_does_not_know_it(running):
    with open_to(running().port) as association:
        assert association.n_action(CT, "1.2.3", 1, Dataset()) == 0x0211


_bomb = zlib.compressobj(wbits=-zlib.MAX_WBITS)
BOMB = _bomb.compress(bytes(64 << 20)) + _bomb.flush()


@pytest.mark.parametrize(
    ("syntax", "identifier"),
    [(DEFLATED, b"not deflated"), (DEFLATED, BOMB), (EXPLICIT, b"\x10\0\x20\0??\xff\xff")],
    ids=["no deflate stream", "64 MiB of nothing", "no data set"],
)
def test_an_identifier_that_cannot_be_read_ends_the_association(scripted, syntax, identifier):
    def script(connection):
        connection.accept(syntax=syntax)
        command, _, _ = connection.message()
        pending = {0x100: 0x8020, 0x120: command.message_id, 0x800: 1, 0x900: 0xFF00}
        connection.send(
            pdu.p_data(1, pdu.COMMAND, encode_command(pending), 0), pdu.p_data(1, 0, identifier, 0)
        )
        connection.read()

    association = open_to(scripted(script), (FIND, (syntax,)))
    with pytest.raises(AssociationLost, match="data set that cannot be read"):
        list(association.find(FIND, Dataset()))
    assert not association.is_usable


@pytest.mark.parametrize("contexts", [(1, 3), (3, 1), (3, 3)])
def test_a_match_in_another_presentation_context_is_read_by_no_guess(scripted, contexts):
    def script(connection):
        connection.accept(syntax=EXPLICIT)
        command, _, _ = connection.message()
        pending = {0x100: 0x8020, 0x120: command.message_id, 0x800: 1, 0x900: 0xFF00}
        connection.send(
            pdu.p_data(contexts[0], pdu.COMMAND, encode_command(pending), 0),
            pdu.p_data(contexts[1], 0, b"\x10\0\x20\0LO\x02\x007 ", 0),
        )
        connection.read()

    association = open_to(scripted(script), (FIND, (EXPLICIT,)))
    with pytest.raises(AssociationLost, match="answered in another presentation context"):
        list(association.find(FIND, Dataset()))
    assert not association.is_usable
