"""Hilum as a sender, by what `hilum send` does: `python -m bench.programs.hilum_scu PORT FOLDER…`.

Prints what it has done.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench.contestants.senders import CALLED_AE
from bench.stopwatch import Stopwatch
from hilum_core.cli.dicom_files import find_dicom_files
from hilum_core.cli.peer import Call
from hilum_core.cli.sending import send_files
from hilum_core.dicom.requestor import RemoteNode
from hilum_core.log import quiet_libraries


def main() -> None:
    """Find the files of the folders and send them over one association."""
    quiet_libraries()
    port, folders = int(sys.argv[1]), [Path(folder) for folder in sys.argv[2:]]
    call = Call(node=RemoteNode(host="127.0.0.1", port=port, ae_title=CALLED_AE), calling_ae="BENCH")
    watch = Stopwatch()
    found = find_dicom_files(folders)
    stored = sum(outcome.is_stored for outcome in send_files(found.files, call))
    print(watch.read(stored))


if __name__ == "__main__":
    main()
