"""The accept loop: the limit, several loops on one socket, and the end."""

import socket
import threading
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from hilum_core.dicom import pdu, server
from hilum_core.dicom.acceptor import AcceptorSettings, Admission, Ending
from hilum_core.dicom.server import AcceptorServer


def test_beyond_the_limit_callers_are_rejected_for_now_and_later_taken(running, peer, eventually):
    acceptor = running(most_associations=1)
    first = peer(acceptor)
    assert first.associate()[0] == pdu.A_ASSOCIATE_AC
    second = peer(acceptor)
    assert second.associate() == (pdu.A_ASSOCIATE_RJ, bytes((0, 2, 3, 2)))
    second.close()
    first.send(pdu.encode_release_rq())
    first.read()
    first.close()
    eventually(lambda: not acceptor.server.associations)
    assert peer(acceptor).associate()[0] == pdu.A_ASSOCIATE_AC
    assert acceptor.all_reports(2)
    assert {report.text for report in acceptor.reports} == {"local limit exceeded", ""}


def test_drain_ends_what_is_silent_and_lets_a_message_come_to_its_end(running, peer, encode_store):
    acceptor = running()
    idle, busy = peer(acceptor), peer(acceptor)
    idle.associate()
    busy.associate()
    message = encode_store(bytes(10_000))
    busy.send(message[:5000])
    drained = threading.Thread(target=acceptor.server.drain, args=(30,))
    drained.start()
    assert idle.read() == (pdu.A_ABORT, bytes(4))
    busy.send(message[5000:])
    assert busy.read()[0] == pdu.P_DATA_TF
    assert busy.read() == (pdu.A_ABORT, bytes(4))
    idle.close()
    busy.close()
    drained.join()
    assert len(acceptor.objects) == 1
    assert {report.ending for report in acceptor.all_reports(2)} == {Ending.STOPPED}
    assert all(report.ended_well for report in acceptor.reports)


def test_drain_aborts_at_its_deadline(running, peer, encode_store):
    acceptor = running()
    scu = peer(acceptor)
    scu.associate()
    scu.send(encode_store(bytes(10_000))[:5000])
    acceptor.server.drain(0)
    assert scu.read() is None
    assert acceptor.report().ending is Ending.STOPPED
    assert (acceptor.objects, acceptor.shelf.discarded) == ([], 1)
    assert acceptor.server.associations == 0


@contextmanager
def second_loop(acceptor, places):
    """Another accept loop on the socket of the first."""
    stop = threading.Event()
    second = AcceptorServer(
        acceptor.listening,
        gatekeeper=acceptor.door,
        receiver=acceptor.shelf,
        settings=AcceptorSettings(),
        places=places,
        on_report=lambda report: None,
        is_shared=True,
    )
    thread = threading.Thread(target=second.serve, args=(stop.is_set,))
    thread.start()
    yield second
    stop.set()
    socket.create_connection(("127.0.0.1", acceptor.port)).close()
    acceptor.stop.set()
    socket.create_connection(("127.0.0.1", acceptor.port)).close()
    thread.join()
    second.drain(0)


def test_loops_that_share_a_socket_serve_every_caller(running, peer, encode_store, make_places):
    acceptor = running(most_associations=50)
    with second_loop(acceptor, make_places(50)):
        for _ in range(40):
            scu = peer(acceptor)
            scu.associate()
            scu.send(encode_store(b"x"))
            assert scu.read()[0] == pdu.P_DATA_TF
            scu.close()
    assert len(acceptor.objects) == 40


def test_a_loop_that_serves_a_caller_leaves_the_next_to_another(running, peer, make_places, monkeypatch):
    monkeypatch.setattr(server, "_BUSY_WAITS_S", 2.0)
    monkeypatch.setattr(server, "_BUSY_WAITS_AT_MOST_S", 2.0)
    acceptor = running(most_associations=50, is_shared=True)
    with second_loop(acceptor, make_places(50)) as second:
        for _ in range(2):
            assert peer(acceptor).associate()[0] == pdu.A_ASSOCIATE_AC
        assert (acceptor.server.associations, second.associations) == (1, 1)


def test_callers_that_come_one_after_the_other_are_taken_as_they_come(running, peer, monkeypatch):
    waited = []
    monkeypatch.setattr(server, "time", SimpleNamespace(sleep=waited.append, monotonic=lambda: 100.0))
    acceptor = running(most_associations=50, is_shared=True)
    for _ in range(30):
        assert peer(acceptor).associate()[0] == pdu.A_ASSOCIATE_AC
    assert waited[0] == pytest.approx(server._BUSY_WAITS_S)
    assert len(waited) == server._MOST_WAITS


def test_a_fault_of_ours_at_one_caller_keeps_no_other_out(running, peer):
    def no_context():
        raise RuntimeError

    with socket.create_server(("127.0.0.1", 0)) as listening:
        acceptor = running(tls=server.TlsListener(listening, no_context))
        with socket.create_connection(listening.getsockname(), timeout=10) as secure:
            secure.sendall(b"\x16")
            assert secure.recv(1) == b""
        assert acceptor.report().ending is Ending.DEFECT
        assert peer(acceptor).associate()[0] == pdu.A_ASSOCIATE_AC


def test_a_loop_that_is_alone_does_not_wait(running, peer, monkeypatch):
    waited = []
    monkeypatch.setattr(server, "time", SimpleNamespace(sleep=waited.append, monotonic=lambda: 100.0))
    acceptor = running(most_associations=50)
    for _ in range(3):
        assert peer(acceptor).associate()[0] == pdu.A_ASSOCIATE_AC
    assert not waited


def test_the_listening_socket_stays_with_its_owner(running, peer):
    acceptor = running()
    acceptor.stop.set()
    socket.create_connection(("127.0.0.1", acceptor.port)).close()
    acceptor.thread.join()
    waiting = peer(acceptor)  # in the backlog, for the next process
    stop = threading.Event()
    acceptor.thread = threading.Thread(target=acceptor.server.serve, args=(stop.is_set,))
    acceptor.stop = stop
    acceptor.thread.start()
    assert waiting.associate()[0] == pdu.A_ASSOCIATE_AC


def test_accepting_goes_on_when_the_system_had_no_thread_left(running, peer, monkeypatch):
    acceptor = running()
    start = threading.Thread.start
    failed = threading.Event()

    def start_but_once(thread):
        if not failed.is_set():
            failed.set()
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_but_once)
    assert peer(acceptor).associate() == (pdu.A_ASSOCIATE_RJ, bytes((0, 2, 3, 1)))
    assert peer(acceptor).associate()[0] == pdu.A_ASSOCIATE_AC
    assert acceptor.server.associations == 1


def test_ipv6(make_places):
    listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    reports = []
    stop = threading.Event()

    class Door:
        def admit(self, *, called_ae, calling_ae, address, tls=None):
            return Admission(peer=address)

    server = AcceptorServer(
        listening,
        gatekeeper=Door(),
        receiver=None,
        settings=AcceptorSettings(),
        places=make_places(1),
        on_report=reports.append,
    )
    thread = threading.Thread(target=server.serve, args=(stop.is_set,))
    thread.start()
    with socket.create_connection(listening.getsockname()[:2], timeout=10) as scu:
        scu.sendall(bytes(6))
        assert scu.recv(100)[0] == pdu.A_ABORT
        stop.set()
    thread.join()
    server.drain(5)
    listening.close()
    assert reports[0].address == "::1"
