"""The router of a soak, and who stands around it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from bench.processes import free_port

from hilum_core import crash_points
from hilum_core.testing import RunningRouter
from soak.destinations import Shelf, StoreScp
from soak.faults import Fault
from soak.objects import EDIT

KEEP_SETTLED = "2s"
_DIES_WITHIN_S = 30.0
_DEFECTS = ("ended by an unexpected error", 'ending="defect of ours"', "Traceback")

CONFIG = """
[router]
listen = "127.0.0.1:{port}"
state_dir = "{state_dir}"
refuse_below_free = "64MiB"
keep_settled = "{keep_settled}"
{peers}
[peers.archive]
ae_title = "ARCHIVE"
host = "127.0.0.1"
port = {archive_port}
[transforms.edit]
type = "edit"
set = {{ InstitutionName = "{institution}" }}
[sinks.archive]
type = "dicom"
peer = "archive"
delivery = {{ first_retry = "500ms", longest_retry = "5s" }}
[sinks.folder]
type = "folder"
path = "{folder}"
layout = "{{SOPInstanceUID}}.dcm"
delivery = {{ first_retry = "500ms" }}
[sinks.edited]
type = "folder"
path = "{edited}"
layout = "{{SOPInstanceUID}}.dcm"
delivery = {{ first_retry = "500ms" }}
[[routes]]
name = "untouched"
sinks = ["archive", "folder"]
[[routes]]
name = "edited"
transforms = ["edit"]
sinks = ["edited"]
"""


class Scene:
    """A router, DCMTK's storescp as its archive, and two folders: one gets what a transform made."""

    def __init__(self, place: Path, ae_titles: list[str]) -> None:
        self.shelves = {
            "archive": Shelf(place / "archive", lambda one: one.untouched),
            "folder": Shelf(place / "folder", lambda one: one.untouched),
            "edited": Shelf(place / "edited", lambda one: one.edited),
        }
        self.port, archive_port = free_port(), free_port()
        self.archive = StoreScp(archive_port, self.shelves["archive"].folder)
        self.points = place / "points"
        self.points.mkdir()
        state_dir = place / "state"
        state_dir.mkdir()
        config_path = place / "hilum.toml"
        config_path.write_text(
            CONFIG.format(
                port=self.port,
                state_dir=state_dir,
                keep_settled=KEEP_SETTLED,
                peers="".join(f'[peers.{ae}]\nae_title = "{ae}"\nmay_send = true\n' for ae in ae_titles),
                archive_port=archive_port,
                institution=EDIT["InstitutionName"],
                folder=self.shelves["folder"].folder,
                edited=self.shelves["edited"].folder,
            ),
            encoding="utf-8",
        )
        self.router = RunningRouter(config_path, state_dir, place / "router.log")
        self._odd_ends: list[str] = []

    def start(self) -> None:
        """Start the router and the archive."""
        os.environ[crash_points.VARIABLE] = str(self.points)
        self.archive.start()
        self.router.start()

    def revive(self) -> None:
        """Start the router again if it is gone as a whole."""
        assert self.router.process is not None
        status = self.router.process.poll()
        if status is not None:
            if status != -signal.SIGKILL:  # nobody here ends it in another way
                self._odd_ends.append(f"the router ended with status {status}")
            self.router.wait_until(lambda: not self.router.processes(), within_s=_DIES_WITHIN_S)
            self.router.start()

    def kill_process(self, fault: Fault) -> bool:
        """Kill a process of the kind that the fault names; False if there is none just now."""
        pids = sorted(self.router.processes().get(fault.where, []))
        return bool(pids) and _kill(pids[int(fault.pick * len(pids))])

    def kill_supervisor(self) -> None:
        """Kill the supervisor; the others end with it."""
        assert self.router.process is not None
        self.router.process.kill()
        self.router.process.wait()

    def kill_all(self) -> None:
        """Kill all processes at once."""
        assert self.router.process is not None
        os.killpg(self.router.process.pid, signal.SIGKILL)
        self.router.process.wait()

    def reload(self) -> None:
        """Have the router take a config that differs."""
        assert self.router.process is not None
        with self.router.config_path.open("a", encoding="utf-8") as config:
            config.write("\n")
        self.router.process.send_signal(signal.SIGHUP)

    def defects(self) -> list[str]:
        """Ends of the router that were not ours, and what its log calls an error of its own."""
        lines = self.router.log().splitlines()
        return self._odd_ends + [line for line in lines if any(words in line for words in _DEFECTS)]

    def leftovers(self) -> list[str]:
        """The files of the state directory that are there for the sake of an object."""
        state_dir = self.router.state_dir
        return [
            str(Path(parent, name).relative_to(state_dir))
            for folder in ("spool", "settled", "renderings", "scratch")
            for parent, _, names in os.walk(state_dir / folder)  # passes over what goes meanwhile
            for name in names
            if Path(parent).name != "incomplete"
        ]

    def incomplete(self) -> int:
        """How many half received files were set aside."""
        return len(list((self.router.state_dir / "spool" / "incomplete").glob("*")))

    def queue_bytes(self) -> int:
        """The size of the queue with its log."""
        return sum(path.stat().st_size for path in self.router.state_dir.glob("queue.sqlite*"))


def _kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
