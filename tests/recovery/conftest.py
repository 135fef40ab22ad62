"""A router whose work is half done: one folder gets what is sent, the other is not there yet."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from hilum_core.testing import RunningRouter, SentFile, running_router, send

CONFIG = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    [sinks.here]
    type = "folder"
    path = "{here}"
    layout = "{{SOPInstanceUID}}.dcm"
    [sinks.away]
    type = "folder"
    path = "{away}"
    layout = "{{SOPInstanceUID}}.dcm"
    [[routes]]
    name = "all"
    sinks = ["here", "away"]
    """


@attrs.define
class Scene:
    """The router, its two folders, and what was acknowledged."""

    router: RunningRouter
    here: Path
    away: Path
    acknowledged: dict[str, SentFile] = attrs.field(factory=dict)

    @property
    def state_dir(self) -> Path:
        return self.router.state_dir

    @property
    def queue_file(self) -> Path:
        return self.state_dir / "queue.sqlite"

    def send(self, *files: SentFile) -> None:
        answers = send(files, self.router.port)
        assert set(answers.values()) == {0}
        self.acknowledged |= {file.sop_instance_uid: file for file in files}

    def wait_until_half_done(self) -> None:
        """Until all that was acknowledged is here, and waits for the folder that is away."""

        def half_done() -> bool:
            return len(self.router.deliveries("here", "delivered")) == len(self.acknowledged)

        self.router.wait_until(half_done, within_s=60)

    def open_away(self) -> None:
        """Make the missing folder."""
        self.away.mkdir()

    def copy_queue(self, to: Path) -> None:
        """Copy the queue of a router that does not run."""
        to.mkdir(exist_ok=True)
        for file in self.state_dir.glob("queue.sqlite*"):
            shutil.copy(file, to)

    def drop_queue(self) -> None:
        for file in self.state_dir.glob("queue.sqlite*"):
            file.unlink()

    def arrived(self, folder: Path) -> list[str]:
        return sorted(path.stem for path in folder.glob("*.dcm"))

    def missing(self, folder: Path) -> list[str]:
        return [uid for uid in self.acknowledged if not (folder / f"{uid}.dcm").exists()]

    def wait_until_there(self, folder: Path) -> None:
        """Until all that was acknowledged is in a folder, bit by bit."""
        self.router.wait_until(lambda: not self.missing(folder), within_s=60)
        for uid, file in self.acknowledged.items():
            assert SentFile.read(folder / f"{uid}.dcm").data_set == file.data_set

    def stored_files(self) -> list[Path]:
        """All objects that lie in the state directory, wherever."""
        folders = (self.state_dir / "spool", self.state_dir / "settled")
        return sorted(path for folder in folders for path in folder.rglob("*.dcm"))


@pytest.fixture
def scene(tmp_path) -> Iterator[Scene]:
    here, away = tmp_path / "here", tmp_path / "away"
    here.mkdir()
    with running_router(tmp_path, CONFIG.format(here=here, away=away)) as router:
        yield Scene(router, here, away)


@pytest.fixture
def objects(make_object, tmp_path) -> Callable[[int, int], list[SentFile]]:
    """Write CT objects with these numbers."""

    def make(first: int, count: int) -> list[SentFile]:
        return [make_object(tmp_path / "objects", number) for number in range(first, first + count)]

    return make
