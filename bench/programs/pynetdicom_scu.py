"""pynetdicom as a sender: `python -m bench.programs.pynetdicom_scu PORT FOLDER`.

Prints what it has done.

The files are given by their paths and go out as they are, the fastest way that pynetdicom has. Nagle's
algorithm is off, as it is for DCMTK here: with it, pynetdicom's default, each object waits for 40 ms.
"""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association

from bench.contestants.senders import CALLED_AE
from bench.objects import KINDS, TRANSFER_SYNTAX_UID
from bench.stopwatch import Stopwatch


def send_at_once(event: evt.Event) -> None:
    """Switch Nagle's algorithm off."""
    transport = event.assoc.dul.socket
    assert transport is not None
    assert transport.socket is not None
    transport.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def store(association: Association, path: Path) -> bool:
    """Send one file; whether it was stored."""
    try:
        status = association.send_c_store(path)
    except RuntimeError:  # the association has ended
        return False
    # pynetdicom's reactor would take the next answer from us if we sent before it went on.
    while association.is_established and association._is_paused:  # noqa: SLF001 - there is no public way
        time.sleep(0.0001)
    return bool(status.get("Status") == 0x0000)


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
    stored = sum(store(association, path) for path in sorted(folder.iterdir()))
    association.release()
    print(watch.read(stored))


if __name__ == "__main__":
    main()
