"""Against DCMTK's storescp, over the router's own associations."""

import shutil
import socket
import subprocess
import time

import pytest

from hilum_core.config import PeerSettings
from hilum_core.workers.associations import Associations
from hilum_sdk import DestinationUnavailable, PermanentError, RefusedError
from hilum_sdk.config import structure
from hilum_sdk.testing import (
    TRANSFER_SYNTAXES,
    FakeContext,
    ListFeed,
    data_set_bytes,
    item_from,
    make_object,
)
from hilum_sink_dicom.config import DicomConfig
from hilum_sink_dicom.sink import DicomSink

IMPLICIT = TRANSFER_SYNTAXES["implicit"]


@pytest.fixture
def storescp(tmp_path):
    """Start storescp with these options; it keeps data sets bit by bit (+B), whatever it is sent."""
    program = shutil.which("storescp")
    if program is None:
        pytest.skip("needs storescp of DCMTK")
    running = []

    def start(*options):
        folder = tmp_path / "received"
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [program, "-q", "+B", "+uf", *options, "-od", str(folder), str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        running.append(process)
        _wait_for(port)
        return port, folder

    yield start
    for process in running:
        process.kill()
        process.wait()


def _wait_for(port):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("storescp does not listen")


def _sink(tmp_path, port, **settings):
    node = PeerSettings(ae_title="STORESCP", host="127.0.0.1", port=port)
    service = Associations({"pacs": node}, calling_ae="HILUM")
    return DicomSink(
        structure({"peer": "pacs", **settings}, DicomConfig), FakeContext(tmp_path, dicom=service)
    )


def _objects(tmp_path):
    return [
        make_object(tmp_path, seed=seed, rows=64, transfer_syntax_uid=uid)
        for seed, uid in enumerate(TRANSFER_SYNTAXES.values())
    ]


def test_every_encoding_arrives_bit_for_bit(tmp_path, storescp):
    port, folder = storescp("+xa")
    paths = _objects(tmp_path)
    feed = ListFeed(map(item_from, paths))
    sink = _sink(tmp_path, port)
    sink.probe()
    assert feed.serve(sink) is None
    assert feed.errors == {}
    assert sorted(map(data_set_bytes, folder.iterdir())) == sorted(map(data_set_bytes, paths))


def test_a_node_that_takes_implicit_only_gets_all_that_can_be_encoded_so(tmp_path, storescp):
    port, folder = storescp("+xi")
    items = [item_from(path) for path in _objects(tmp_path)]
    feed = ListFeed(items)
    assert feed.serve(_sink(tmp_path, port)) is None
    expected = []
    for item in items:
        if IMPLICIT in item.transfer_syntaxes:
            with item.data_set(IMPLICIT) as stream:
                expected.append(stream.read())
    assert len(expected) == 4
    assert sorted(map(data_set_bytes, folder.iterdir())) == sorted(expected)
    (jpeg,) = feed.errors.values()
    assert isinstance(jpeg, PermanentError)


def test_a_node_that_aborts_on_every_object_is_unavailable(tmp_path, storescp):
    port, _ = storescp("--abort-during")
    paths = _objects(tmp_path)[:3]
    feed = ListFeed(map(item_from, paths))
    assert isinstance(feed.serve(_sink(tmp_path, port)), DestinationUnavailable)
    assert feed.receipts == {}
    assert isinstance(next(iter(feed.errors.values())), RefusedError)
    assert feed.waiting == 1


def test_a_node_that_refuses_associations_is_unavailable(tmp_path, storescp):
    port, _ = storescp("--refuse")
    feed = ListFeed(map(item_from, _objects(tmp_path)))
    sink = _sink(tmp_path, port)
    assert isinstance(feed.serve(sink), DestinationUnavailable)
    with pytest.raises(DestinationUnavailable):
        sink.probe()
    assert feed.errors == {}
