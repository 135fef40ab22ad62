"""Has `hilum doctor --rebuild`, or `hilum restore`, die before each step that it takes on the disk.

`python dying.py STATE COPIES [BACKUP]`: for each step a copy of the state directory, in which a process took
all the steps before that one and was killed. The last copy is that of a process that ended by itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

from hilum_core.backup.restore import restore
from hilum_core.doctor.rebuild import rebuild

STEPS = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}


def act(state_dir: Path, *backup: str) -> None:
    """Do what is to be interrupted."""
    if backup:
        restore(Path(backup[0]), state_dir, replace=True)
    else:
        rebuild(state_dir)


def die_before(step: int) -> None:
    """End this process when it is about to change the names or the content of files for the nth time."""
    left = step

    def look(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS or (event == "open" and int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR)):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(look)


def main(state: str, copies: str, *backup: str) -> None:
    """Let a process die before each step, until one has no more."""
    for step in count():
        copy = Path(copies) / f"{step:03}"
        shutil.copytree(state, copy)
        child = os.fork()
        if not child:
            die_before(step)
            act(copy, *backup)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not status:
            return
        assert os.WTERMSIG(status) == signal.SIGKILL, f"step {step}: status {status}"


if __name__ == "__main__":
    main(*sys.argv[1:])
