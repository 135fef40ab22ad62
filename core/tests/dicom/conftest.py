"""An acceptor that runs, a peer made of a bare socket, and real files."""

import contextlib
import itertools
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from hilum_core.dicom import pdu
from hilum_core.dicom.acceptor import AcceptorSettings, Admission, StoreRefused
from hilum_core.dicom.command import c_store_rq
from hilum_core.dicom.negotiation import (
    AssociateRequest,
    ProposedContext,
    UserInformation,
    encode_associate_rq,
)
from hilum_core.dicom.places import SharedPlaces
from hilum_core.dicom.server import AcceptorServer

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
PATIENCE_S = 10


class Shelf:
    """Implements `ObjectReceiver` in memory, and fails where it is told to."""

    def __init__(self):
        self.objects = []
        self.discarded = 0
        self.fail_at = {}

    def begin(self, request):
        self.fail("begin")
        return ShelfWriter(self, request)

    def fail(self, where):
        if where in self.fail_at:
            raise self.fail_at[where]


class ShelfWriter:
    def __init__(self, shelf, request):
        self.shelf = shelf
        self.request = request
        self.data = bytearray()

    def write(self, pieces):
        self.shelf.fail("write")
        for piece in pieces:
            self.data += piece

    def commit(self):
        self.shelf.fail("commit")
        self.shelf.objects.append((self.request, bytes(self.data)))

    def discard(self):
        self.shelf.discarded += 1


class Door:
    """Implements `Gatekeeper`: one decision for everybody, and a note of who came."""

    def __init__(self, decision):
        self.decision = decision
        self.callers = []

    def admit(self, *, called_ae, calling_ae, address, tls=None):
        self.callers.append((called_ae, calling_ae, address))
        if isinstance(self.decision, Exception):
            raise self.decision
        return self.decision


class Running:
    """An `AcceptorServer` on a port of its own."""

    def __init__(self, places, *, decision=None, settings=None, receiver=None, is_shared=False, tls=None):
        self.shelf = receiver or Shelf()
        self.door = Door(decision or Admission(peer="ct1"))
        self.reports = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.server = AcceptorServer(
            self.listening,
            gatekeeper=self.door,
            receiver=self.shelf,
            settings=settings or AcceptorSettings(),
            places=places,
            on_report=self.reports.append,
            is_shared=is_shared,
            tls=tls,
        )
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.server.serve, args=(self.stop.is_set,))
        self.thread.start()

    @property
    def objects(self):
        return self.shelf.objects

    def report(self):
        """The report of the one association that there was."""
        return self.all_reports(1)[0]

    def all_reports(self, count):
        wait_until(lambda: len(self.reports) >= count)
        return self.reports

    def close(self):
        self.stop.set()
        socket.create_connection(("127.0.0.1", self.port)).close()  # so that it notices at once
        self.thread.join()
        self.server.abort_all()
        self.listening.close()


class RawPeer:
    """A requestor that sends whatever bytes it is told to."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def read(self):
        """The next PDU as (type, body); None when the acceptor has closed its side."""
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

    def associate(self, *contexts, **fields):
        self.send(request_for(*contexts, **fields))
        return self.read()

    def close(self):
        self.sock.close()


def request_for(*contexts, calling_ae="CT1", called_ae="HILUM", user=None, **fields):
    """An A-ASSOCIATE-RQ with contexts given as (id, abstract syntax, transfer syntaxes)."""
    proposed = tuple(
        ProposedContext(context_id=number, abstract_syntax=abstract, transfer_syntaxes=tuple(syntaxes))
        for number, abstract, syntaxes in contexts or [(1, CT, [EXPLICIT])]
    )
    return encode_associate_rq(
        AssociateRequest(
            called_ae=called_ae,
            calling_ae=calling_ae,
            contexts=proposed,
            user=user or UserInformation(max_pdu_bytes=16384),
            **fields,
        )
    )


def store_message(data, *, context_id=1, message_id=1, sop_instance_uid="1.2.3", max_pdu_bytes=16384):
    """A C-STORE-RQ with its data set, as PDUs."""
    command = c_store_rq(message_id, CT, sop_instance_uid)
    return pdu.p_data(context_id, pdu.COMMAND, command, max_pdu_bytes) + pdu.p_data(
        context_id, 0, data, max_pdu_bytes
    )


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def make_places(tmp_path):
    """Make places for so many associations, each time those of another router."""
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:

        def make(most):
            places = SharedPlaces(tmp_path / f"places-{next(numbers)}", most)
            stack.callback(places.close)
            return places

        yield make


@pytest.fixture
def running(make_places):
    """Start acceptors; all are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(*, most_associations=8, **options):
            one = Running(make_places(most_associations), **options)
            stack.callback(one.close)
            return one

        yield start


@pytest.fixture
def peer():
    """Make raw peers of an acceptor; all are closed at the end."""
    with contextlib.ExitStack() as stack:

        def call(acceptor):
            one = RawPeer(acceptor.port)
            stack.callback(one.close)
            return one

        yield call


@pytest.fixture
def encode_request():
    return request_for


@pytest.fixture
def encode_store():
    return store_message


@pytest.fixture
def refusal():
    return StoreRefused


@pytest.fixture
def eventually():
    return wait_until


@pytest.fixture
def program():
    """Run a program of DCMTK, or skip."""

    def run(name, *arguments):
        found = shutil.which(name)
        if not found:
            pytest.skip(f"needs {name} of DCMTK")
        return subprocess.run(
            [found, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
        )

    return run


class RealFile:
    """One of pydicom's files, told by its File Meta Information."""

    def __init__(self, name):
        self.path = Path(get_testdata_file(name, download=False))
        meta = pydicom.filereader.read_file_meta_info(self.path)
        self.sop_class_uid = meta.MediaStorageSOPClassUID
        self.sop_instance_uid = meta.MediaStorageSOPInstanceUID
        self.transfer_syntax_uid = meta.TransferSyntaxUID
        # PS3.10 7.1: the group length counts what follows its own element, which ends at byte 144.
        self.offset = 144 + meta.FileMetaInformationGroupLength
        self.data_set = self.path.read_bytes()[self.offset :]


@pytest.fixture(scope="session")
def real_file():
    return RealFile
