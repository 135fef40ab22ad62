"""pynetdicom as a sender: `python -m bench.pynetdicom_scu PORT FOLDER`.

Prints what it took. Status 1 if an object was not stored.

The files are given by their paths and go out as they are, the fastest way that pynetdicom has. Nagle's
algorithm is off, as it is for DCMTK here: with it, pynetdicom's default, each object waits for 40 ms.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from pynetdicom import AE, _config, evt

from bench.objects import KINDS, TRANSFER_SYNTAX_UID
from bench.senders import CALLED_AE
from bench.stopwatch import Stopwatch


def send_at_once(event: evt.Event) -> None:
    """Switch Nagle's algorithm off."""
    transport = event.assoc.dul.socket
    assert transport is not None
    assert transport.socket is not None
    transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def main() -> None:
    """Send all files of the folder over one association."""
    _config.STORE_SEND_CHUNKED_DATASET = True
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    entity = AE(ae_title="BENCH")
    for kind in KINDS:
        entity.add_requested_context(kind.sop_class_uid, TRANSFER_SYNTAX_UID)
    watch = Stopwatch()
    association = entity.associate(
        "127.0.0.1", port, ae_title=CALLED_AE, evt_handlers=[(evt.EVT_CONN_OPEN, send_at_once)]
    )
    statuses = [association.send_c_store(path) for path in sorted(folder.iterdir())]
    association.release()
    print(watch.read())
    sys.exit(any(status is None or status.get("Status") != 0x0000 for status in statuses))


if __name__ == "__main__":
    main()
