"""Who gives way when many callers have a thread that are not admitted."""

import socket

import pytest

from hilum_core.dicom.callers import Caller, Callers
from hilum_core.dicom.reception import Admission


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
    crowd = Callers(most_unknown=4)
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
    crowd = Callers(most_unknown=1)
    crowd.enter(Caller(call("a").sock, "192.0.2.1"))
    assert not crowd.make_room()


def test_the_admitted_give_way_to_nobody(call):
    crowd = Callers(most_unknown=1)
    admitted, unknown = call("192.0.2.1"), call("192.0.2.1")
    admitted.admission = Admission(peer="ct1")
    for caller in (admitted, unknown):
        crowd.enter(caller)
    assert crowd.make_room()
    assert [caller.is_sent_away for caller in (admitted, unknown)] == [False, True]
