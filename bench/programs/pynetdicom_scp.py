"""pynetdicom as a receiver that keeps each object in a file.

`python -m bench.programs.pynetdicom_scp FOLDER [SECONDS]`. Written as its documentation does it: the data set
as it came, without a sync. With a number of seconds it is a slow one, and waits so long before each answer.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE

from bench.objects import KINDS, TRANSFER_SYNTAX_UID
from bench.wire import PDU_BYTES


def main() -> None:
    """Listen on any free port, and print it."""
    folder = Path(sys.argv[1])
    wait_s = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0

    def store(event: evt.Event) -> int:
        assert isinstance(event.request, C_STORE)
        (folder / str(event.request.AffectedSOPInstanceUID)).write_bytes(event.encoded_dataset())
        if wait_s:
            time.sleep(wait_s)
        return 0x0000

    entity = AE(ae_title="BENCHED")
    entity.maximum_pdu_size = PDU_BYTES
    for kind in KINDS:
        entity.add_supported_context(kind.sop_class_uid, TRANSFER_SYNTAX_UID)
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)])
    assert server is not None
    assert server.socket is not None
    print(server.socket.getsockname()[1], flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
