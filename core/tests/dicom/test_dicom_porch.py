"""The porch: who waits on it, who gives way to whom, and that nobody else is kept out."""

import socket
import time

import pytest

from hilum_core.dicom import pdu, porch, server
from hilum_core.dicom.acceptor import AcceptorSettings, Ending
from hilum_core.dicom.porch import Porch, Visitor
from hilum_core.dicom.reception import CALLED_AE_NOT_RECOGNISED


@pytest.fixture
def visit():
    """Make visitors; gives each with the other end of its connection."""
    ends = []

    def visit(address="192.0.2.1", connected_at=None):
        ours, theirs = socket.socketpair()
        ends.extend((ours, theirs))
        connected_at = time.monotonic() if connected_at is None else connected_at
        return Visitor(ours, address, connected_at=connected_at), theirs

    yield visit
    for end in ends:
        end.close()


@pytest.fixture
def make_porch(visit):
    made = []

    def make(*, artim_s=30.0, **options):
        made.append(Porch(artim_s, **options))
        return made[-1]

    yield make
    for one in made:
        one.send_home()


def test_who_has_sent_the_first_bytes_of_a_request_leaves_and_who_has_not_stays(
    make_porch, visit, encode_request
):
    waiting = make_porch()
    (speaker, mouth), (slow, slow_mouth), (silent, _) = (visit() for _ in range(3))
    for visitor in (speaker, slow, silent):
        assert waiting.enter(visitor) is None
    request = encode_request()
    mouth.sendall(request)
    slow_mouth.sendall(request[:73])
    assert waiting.hear() == [speaker]
    assert speaker.head == request[:74]
    assert speaker.says_who_calls
    slow_mouth.sendall(request[73:])
    assert waiting.hear() == [slow]
    assert len(waiting) == 1


@pytest.mark.parametrize(
    "said",
    [
        b"G",
        pdu.encode_abort(),
        pdu.PDU_HEADER.pack(pdu.A_ASSOCIATE_RQ, 67),
        pdu.PDU_HEADER.pack(pdu.A_ASSOCIATE_RQ, 1 << 31),
    ],
)
def test_who_says_something_else_leaves_at_once(make_porch, visit, said):
    waiting = make_porch()
    visitor, mouth = visit()
    waiting.enter(visitor)
    mouth.sendall(said)
    assert waiting.hear() == [visitor]
    assert not visitor.says_who_calls
    assert not visitor.has_gone


def test_who_hangs_up_is_noticed(make_porch, visit):
    waiting = make_porch()
    visitor, mouth = visit()
    waiting.enter(visitor)
    mouth.close()
    assert waiting.hear() == [visitor]
    assert visitor.has_gone


def test_of_one_address_the_newer_take_the_places_of_the_older(make_porch, visit):
    waiting = make_porch(most_of_one_address=2)
    (first, _), (second, _), (third, _) = (visit() for _ in range(3))
    other, _ = visit("192.0.2.2", connected_at=0.0)
    assert [waiting.enter(visitor) for visitor in (other, first, second, third)] == [None, None, None, first]


def test_when_all_places_are_taken_the_address_that_has_most_gives_one(make_porch, visit):
    waiting = make_porch(most=4)
    several = [visit("192.0.2.9", connected_at=at)[0] for at in (1.0, 2.0, 3.0)]
    other, _ = visit("192.0.2.1", connected_at=0.0)
    for visitor in (other, *several):
        assert not waiting.is_full
        waiting.enter(visitor)
    assert waiting.is_full
    assert waiting.make_room() is several[0]
    assert not waiting.is_full


def test_who_has_just_come_is_given_a_moment_unless_the_system_has_nothing_left(make_porch, visit):
    waiting = make_porch(most=1)
    visitor, _ = visit()
    waiting.enter(visitor)
    assert waiting.make_room() is None
    assert waiting.make_room(at_once=True) is visitor
    assert waiting.make_room(at_once=True) is None


def test_who_does_not_speak_in_time_is_late(make_porch, visit):
    waiting = make_porch(artim_s=30)
    late, _ = visit(connected_at=time.monotonic() - 31)
    other, _ = visit()
    for visitor in (late, other):
        waiting.enter(visitor)
    assert waiting.late() == [late]
    assert waiting.late() == []
    assert len(waiting) == 1


def test_who_is_turned_away_hears_why_and_may_close_the_connection_itself(make_porch, visit):
    waiting = make_porch()
    visitor, mouth = visit()
    waiting.turn_away(visitor, pdu.encode_reject(1, 1, 3))
    assert mouth.recv(100) == pdu.encode_reject(1, 1, 3)
    mouth.sendall(b"the rest of the request")
    assert waiting.hear() == []
    assert visitor.sock.fileno() != -1
    mouth.close()
    waiting.hear()
    assert visitor.sock.fileno() == -1


def test_who_is_turned_away_and_stays_is_closed_after_artim_or_when_many_do(make_porch, visit, monkeypatch):
    monkeypatch.setattr(porch, "_MOST_LEAVING", 2)
    waiting = make_porch(artim_s=0)
    (first, _), (second, _), (third, _) = (visit() for _ in range(3))
    for visitor in (first, second, third):
        waiting.turn_away(visitor, b"no")
    assert [visitor.sock.fileno() == -1 for visitor in (first, second, third)] == [True, False, False]
    waiting.late()
    assert third.sock.fileno() == -1


def test_any_number_of_silent_connections_keeps_nobody_out_and_has_no_thread(running, peer, eventually):
    acceptor = running(most_associations=2)
    silent = [peer(acceptor) for _ in range(300)]
    assert [peer(acceptor).associate()[0] for _ in range(2)] == [pdu.A_ASSOCIATE_AC] * 2
    assert acceptor.server.associations == 2
    eventually(lambda: acceptor.server.waiting <= 64)
    for scu in silent:
        scu.close()


def test_a_byte_now_and_then_is_no_request(running, peer, encode_request):
    acceptor = running(settings=AcceptorSettings(artim_s=0.3))
    scu = peer(acceptor)
    with pytest.raises(OSError):
        for byte in encode_request() * 10:
            scu.send(bytes((byte,)))
            time.sleep(0.02)
    assert acceptor.report().ending is Ending.TIMED_OUT


def test_the_rest_of_a_request_must_come_in_time_too(running, peer, encode_request):
    acceptor = running(settings=AcceptorSettings(artim_s=0.3))
    scu = peer(acceptor)
    request = encode_request()
    scu.send(request[:74])
    with pytest.raises(OSError):
        for byte in request[74:] * 10:
            scu.send(bytes((byte,)))
            time.sleep(0.02)
    assert acceptor.report().ending is Ending.TIMED_OUT
    assert acceptor.report().calling_ae == "CT1"


def test_who_is_rejected_by_its_first_bytes_gets_no_thread(running, peer, encode_request, monkeypatch):
    acceptor = running(decision=CALLED_AE_NOT_RECOGNISED)
    monkeypatch.setattr(acceptor.server, "_start", None)
    scu = peer(acceptor)
    scu.send(encode_request()[:74])
    assert scu.read() == (pdu.A_ASSOCIATE_RJ, bytes((0, 1, 1, 7)))
    report = acceptor.report()
    assert (report.ending, report.calling_ae, report.called_ae) == (Ending.REJECTED, "CT1", "HILUM")
    assert report.text == "called AE title not recognised"


def test_who_has_just_connected_is_heard_before_the_end(running, peer, eventually, monkeypatch):
    monkeypatch.setattr(server, "_LAST_CALLERS_S", 30.0)
    acceptor = running()
    scu = peer(acceptor)
    eventually(lambda: acceptor.server.waiting)
    acceptor.stop.set()
    assert scu.associate()[0] == pdu.A_ASSOCIATE_AC
