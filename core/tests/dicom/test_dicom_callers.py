"""Who gives way when many are connected that have not said who they are."""

import socket

import pytest

from hilum_core.dicom import callers, pdu
from hilum_core.dicom.callers import Caller, Callers


@pytest.fixture
def call():
    ends = []

    def call(address, connected_at=0.0):
        ours, theirs = socket.socketpair()
        ends.extend((ours, theirs))
        return Caller(ours, address, connected_at=connected_at)

    yield call
    for end in ends:
        end.close()


def test_of_the_address_that_has_most_the_longest_connected_gives_way(call):
    crowd = Callers(8, most_unknown=4)
    several = [call("192.0.2.9", at) for at in (2, 1, 3)]
    other = call("192.0.2.1", 0)
    for caller in (*several, other):
        assert crowd.make_room()
        crowd.enter(caller)
    assert crowd.make_room()
    assert [caller for caller in crowd.everybody() if caller.is_sent_away] == [several[1]]
    assert several[1].sock.recv(1) == b""
    assert crowd.make_room()  # the room is not taken yet
    assert sum(caller.is_sent_away for caller in crowd.everybody()) == 1


def test_who_has_just_connected_is_given_a_moment(call):
    crowd = Callers(8, most_unknown=1)
    crowd.enter(Caller(call("a").sock, "192.0.2.1"))
    assert not crowd.make_room()


def test_the_admitted_give_way_to_nobody_and_are_limited_among_themselves(call):
    crowd = Callers(2, most_unknown=1)
    first, second, third = (call("192.0.2.1") for _ in range(3))
    for caller in (first, second, third):
        crowd.enter(caller)
    assert [crowd.admit(caller) for caller in (first, second, third)] == [True, True, False]
    assert crowd.make_room()
    assert [caller.is_sent_away for caller in (first, second, third)] == [False, False, True]
    crowd.leave(first)
    assert crowd.admit(call("192.0.2.1"))


def test_any_number_of_silent_connections_keeps_nobody_out(running, peer, eventually, monkeypatch):
    monkeypatch.setattr(callers, "_LEAST_S", 0.0)
    acceptor = running(most_associations=2)
    silent = [peer(acceptor) for _ in range(200)]
    assert [peer(acceptor).associate()[0] for _ in range(2)] == [pdu.A_ASSOCIATE_AC] * 2
    eventually(lambda: acceptor.server.associations <= 64 + 2)
    for scu in silent:
        scu.close()
