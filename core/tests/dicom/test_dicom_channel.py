"""A channel whose peer takes nothing."""

from __future__ import annotations

import socket
import threading

from hilum_core.dicom.channel import PduChannel
from hilum_core.dicom.stream import PduStream
from hilum_core.dicom.transport import PlainTransport


def test_an_abort_does_not_wait_for_a_peer_that_takes_nothing():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname())
        theirs, _ = listening.accept()
    stream = PduStream(buffer_bytes=1024, max_pdu_bytes=1024, most_pdu_bytes=1024)
    channel = PduChannel(PlainTransport(ours), stream, send_timeout_s=0.1)
    fill(ours)
    aborting = threading.Thread(target=channel.abort, daemon=True)
    aborting.start()
    aborting.join(10)
    assert not aborting.is_alive()
    channel.close()
    theirs.close()


def fill(sock):
    """Send until neither a large nor a small piece fits any more."""
    for size in (1 << 20, 1):
        try:
            while True:
                sock.send(bytes(size), socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue
