"""A real router receives, transforms, delivers and purges on the recorded disk.

Senders are DCMTK's storescu, destinations pynetdicom's archive. Of each object is noted at which moment of
the tape its sender had its answer, and each destination the object.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from hilum_core.testing import Archive, Arrival, RunningRouter, running_archive
from hilum_sdk.testing import make_object
from powercuts import tape
from powercuts.medium import make_blank, recorded

_CONFIG = """
[router]
listen = "127.0.0.1:0"
state_dir = "{state_dir}"
refuse_below_free = "8MiB"
keep_settled = "100ms"
[peers.modality]
ae_title = "MODALITY"
may_send = true
{peers}
[transforms.stamp]
type = "edit"
set = {{ InstitutionName = "Hilum" }}
[sinks.plain]
type = "dicom"
peer = "plain"
[sinks.edited]
type = "dicom"
peer = "edited"
[[routes]]
name = "plain"
sinks = ["plain"]
[[routes]]
name = "edited"
transforms = ["stamp"]
sinks = ["edited"]
"""
SINKS = ("plain", "edited")
_UID_ROOT = "1.2.826.0.1.3680043.10.1553.4."
_SENDERS = 2
_FILES_AT_ONCE = 8
_ANSWER = "Received Store Response (Success)"
_WITHIN_S = 120.0


class Destination:
    """An archive, and at which moments of the tape it was given what."""

    def __init__(self, archive: Archive, tape_path: Path) -> None:
        self.archive = archive
        self.arrived: dict[str, int] = {}
        self._tape_path = tape_path
        archive.answer = self._take

    def _take(self, arrival: Arrival) -> int:
        """Note the moment before the answer: nobody can have recorded the delivery earlier."""
        self.arrived.setdefault(arrival.sop_instance_uid, tape.now(self._tape_path))
        return 0


@attrs.frozen(kw_only=True)
class Recording:
    """A tape, and what was promised to whom at which of its moments.

    Attributes
    ----------
    blank
        The disk as it was when the tape began.
    acknowledged
        By SOP Instance UID, when its sender had the answer.
    destinations
        By sink; they go on listening.
    ends_at
        When everything was delivered.
    """

    blank: Path
    tape: tape.Tape
    acknowledged: Mapping[str, int]
    destinations: Mapping[str, Destination]
    ends_at: int
    config_path: Path
    mount_point: Path

    @property
    def state_dir(self) -> Path:
        """The state directory, on whatever is mounted now."""
        return self.mount_point / "state"

    def due(self, at: int) -> set[str]:
        """What was acknowledged by then."""
        return {uid for uid, answered_at in self.acknowledged.items() if answered_at <= at}


def make_objects(folder: Path, number: int) -> Sequence[Path]:
    """Make objects of 6 KB to 140 KB, named by their SOP Instance UIDs."""
    return [
        make_object(
            folder,
            seed=index,
            rows=(32, 64, 256)[index % 3],
            elements={"SOPInstanceUID": f"{_UID_ROOT}{index + 1}"},
        )
        for index in range(number)
    ]


@contextmanager
def record(file_system: str, folder: Path, objects: Sequence[Path]) -> Iterator[Recording]:
    """Record a router that is sent these objects; the destinations stay to the end."""
    image, blank, tape_path, mount_point = (folder / name for name in ("image", "blank", "tape", "disk"))
    mount_point.mkdir()
    make_blank(file_system, blank)
    subprocess.run(["cp", "--sparse=always", blank, image], check=True)
    with running_archive("PLAIN") as plain, running_archive("EDITED") as edited:
        destinations = {
            name: Destination(a, tape_path) for name, a in zip(SINKS, (plain, edited), strict=True)
        }
        peers = "".join(one.archive.peer_toml(name) for name, one in destinations.items())
        config_path = folder / "hilum.toml"
        config_path.write_text(_CONFIG.format(state_dir=mount_point / "state", peers=peers))
        with recorded(image, mount_point, tape_path, folder / "fuse"):
            acknowledged, ends_at = _work(
                config_path, mount_point, tape_path, objects, tuple(destinations.values())
            )
        image.unlink()
        yield Recording(
            blank=blank,
            tape=tape.Tape(tape_path),
            acknowledged=acknowledged,
            destinations=destinations,
            ends_at=ends_at,
            config_path=config_path,
            mount_point=mount_point,
        )


def _work(
    config_path: Path,
    mount_point: Path,
    tape_path: Path,
    objects: Sequence[Path],
    destinations: Sequence[Destination],
) -> tuple[Mapping[str, int], int]:
    """Run the router until everything is delivered; what was acknowledged when, and when that was."""
    state_dir = mount_point / "state"
    state_dir.mkdir()
    router = RunningRouter(config_path, state_dir, config_path.with_name("router.log"))
    router.start()
    try:
        senders = [
            _Sender(objects[number::_SENDERS], router.port, tape_path, destinations)
            for number in range(_SENDERS)
        ]
        for sender in senders:
            sender.thread.join(_WITHIN_S)
        router.wait_until_idle(objects=len(objects), within_s=_WITHIN_S)
        ends_at = tape.now(tape_path)
    finally:
        router.stop()
    return {uid: at for sender in senders for uid, at in sender.acknowledged.items()}, ends_at


class _Sender:
    """Sends its objects a few at a time, each few when those before are delivered.

    So all stages have something to write at any moment, and purging removes files between receptions.
    """

    def __init__(
        self, objects: Sequence[Path], port: int, tape_path: Path, destinations: Sequence[Destination]
    ) -> None:
        self.acknowledged: dict[str, int] = {}
        self._objects = objects
        self._port = port
        self._tape_path = tape_path
        self._destinations = destinations
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        for start in range(0, len(self._objects), _FILES_AT_ONCE):
            files = self._objects[start : start + _FILES_AT_ONCE]
            self._send(files)
            self._wait_for_delivery({_uid(file) for file in files} & self.acknowledged.keys())

    def _wait_for_delivery(self, uids: set[str]) -> None:
        end = time.monotonic() + _WITHIN_S
        while not all(uids <= one.arrived.keys() for one in self._destinations):
            if time.monotonic() > end:
                return  # who waits for the router to finish says it, with its log
            time.sleep(0.02)

    def _send(self, files: Sequence[Path]) -> None:
        """Send some; what storescu says that it was answered is acknowledged from when it says so."""
        program = shutil.which("storescu")
        assert program is not None
        command = [program, "-v", "-aet", "MODALITY", "-aec", "HILUM", "127.0.0.1", str(self._port)]
        waiting = [_uid(file) for file in reversed(files)]
        with subprocess.Popen(
            [*command, *map(str, files)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "TCP_NODELAY": "1"},
        ) as sending:
            assert sending.stdout is not None
            for line in sending.stdout:
                if _ANSWER in line:
                    self.acknowledged[waiting.pop()] = tape.now(self._tape_path)


def _uid(file: Path) -> str:
    """The SOP Instance UID that `make_objects` named a file by."""
    return file.name.partition("-")[0]
