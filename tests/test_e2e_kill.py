"""Processes die in the middle of the work: nothing that was acknowledged is lost, and all is whole again."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.testing import RawAssociation, RunningRouter, SentFile, running_archive, running_router, send
from hilum_core.testing.raw import Ended, Rejected

OBJECTS = 500
PROCESSES = {
    "receive": 2,
    "route": 1,
    "route.worker": 1,
    "render": 1,
    "render.worker": 1,
    "deliver": 1,
    "deliver.worker": 3,
    "retain": 1,
}
"""What a whole router of this config runs, besides the supervisor."""
MODULES = tuple(PROCESSES)


class RetryingModality(threading.Thread):
    """Sends until everything is acknowledged, however often the association breaks."""

    def __init__(self, port: int, objects: Mapping[str, bytes]) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._pending = dict(objects)
        self._all = len(objects)
        self.start()

    @property
    def acknowledged(self) -> int:
        return self._all - len(self._pending)

    def run(self) -> None:
        while self._pending:
            try:
                with RawAssociation.open(
                    self._port, [(CTImageStorage, ExplicitVRLittleEndian)]
                ) as association:
                    for uid, data_set in list(self._pending.items()):
                        if association.store(CTImageStorage, uid, [data_set]) == 0:
                            del self._pending[uid]
                    association.release()
            except (OSError, Ended, Rejected):
                time.sleep(0.05)


@attrs.frozen
class Scene:
    """A router with a plain folder, a folder behind a transform, and DCMTK's storescp."""

    router: RunningRouter
    plain: Path
    edited: Path
    archive: Path

    def missing(self, objects: Mapping[str, bytes]) -> list[str]:
        """The objects that are not everywhere yet."""
        plain, edited = ({path.stem for path in folder.glob("*.dcm")} for folder in (self.plain, self.edited))
        archive = {path.name.partition(".")[2] for path in self.archive.iterdir()}
        return [uid for uid in objects if not (uid in plain and uid in edited and uid in archive)]

    def check_bytes(self, objects: Mapping[str, bytes]) -> None:
        for uid, data_set in objects.items():
            assert SentFile.read(self.plain / f"{uid}.dcm").data_set == data_set
            assert SentFile.read(self.archive / f"CT.{uid}").data_set == data_set
            assert dcmread(self.edited / f"{uid}.dcm").InstitutionName == "Hilum"


CONFIG = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    {peer}
    [transforms.edit]
    type = "edit"
    set = {{ InstitutionName = "Hilum" }}
    [sinks.plain]
    type = "folder"
    path = "{plain}"
    layout = "{{SOPInstanceUID}}.dcm"
    [sinks.edited]
    type = "folder"
    path = "{edited}"
    layout = "{{SOPInstanceUID}}.dcm"
    [sinks.archive]
    type = "dicom"
    peer = "archive"
    delivery = {{ first_retry = "200ms" }}
    [[routes]]
    name = "plain"
    sinks = ["plain", "archive"]
    [[routes]]
    name = "edited"
    transforms = ["edit"]
    sinks = ["edited"]
    """


@pytest.fixture(scope="module")
def scene(storescp, tmp_path_factory) -> Iterator[Scene]:
    place = tmp_path_factory.mktemp("kill")
    scp = storescp(place / "archive")
    for name in ("plain", "edited"):
        (place / name).mkdir()
    config = CONFIG.format(plain=place / "plain", edited=place / "edited", peer=scp.peer_toml("archive"))
    with running_router(place, config, keep_settled="1s") as router:
        yield Scene(router, place / "plain", place / "edited", place / "archive")


@pytest.fixture(scope="module")
def numbered(make_object, tmp_path_factory):
    """Give `OBJECTS` objects by SOP Instance UID, all of them new."""
    template = make_object(tmp_path_factory.mktemp("template"), 1_000_000)
    root = template.sop_instance_uid.removesuffix("1000000")

    def give(series: int) -> Mapping[str, bytes]:
        uids = [f"{root}{1_000_000 + series * OBJECTS + number}" for number in range(1, OBJECTS + 1)]
        own = template.sop_instance_uid.encode()
        return {uid: template.data_set.replace(own, uid.encode()) for uid in uids}

    return give


@pytest.mark.parametrize("module", MODULES)
def test_killing_a_process_in_the_middle_of_500_objects_loses_none(scene, numbered, module):
    router = scene.router
    known = len(router.objects())
    objects = numbered(MODULES.index(module))
    modality = RetryingModality(router.port, objects)
    for mark in (OBJECTS // 4, OBJECTS * 3 // 4):
        router.wait_until(lambda mark=mark: modality.acknowledged >= mark)
        for pid in router.wait_until(lambda: router.processes().get(module)):
            os.kill(pid, signal.SIGKILL)
    router.wait_until(lambda: modality.acknowledged == OBJECTS)
    router.wait_until(lambda: not scene.missing(objects))
    router.wait_until_idle(objects=known + OBJECTS)
    scene.check_bytes(objects)
    router.wait_until(lambda: {name: len(pids) for name, pids in router.processes().items()} == PROCESSES)


def test_no_process_outlives_the_supervisor_and_a_second_run_delivers_the_rest(
    numbered, make_object, tmp_path, free_port
):
    (tmp_path / "plain").mkdir()
    (tmp_path / "edited").mkdir()
    objects = numbered(len(MODULES))
    with running_archive() as archive:
        config = CONFIG.format(
            plain=tmp_path / "plain", edited=tmp_path / "edited", peer=archive.peer_toml("archive")
        )
        with running_router(tmp_path, config, listen=f"127.0.0.1:{free_port()}") as router:
            modality = RetryingModality(router.port, objects)
            router.wait_until(lambda: modality.acknowledged >= OBJECTS // 2)
            router.stop(signal.SIGKILL)
            router.wait_until(lambda: not router.processes(), within_s=60)
            router.start()
            router.wait_until(lambda: modality.acknowledged == OBJECTS)
            router.wait_until_idle(objects=OBJECTS)
            assert archive.data_sets() == objects
            assert len(list((tmp_path / "plain").glob("*.dcm"))) == OBJECTS
            assert len(list((tmp_path / "edited").glob("*.dcm"))) == OBJECTS


def small_config(folder: Path) -> str:
    (folder / "sink").mkdir()
    return f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        [sinks.folder]
        type = "folder"
        path = "{folder / "sink"}"
        [[routes]]
        name = "all"
        sinks = ["folder"]
        """


def test_a_second_run_on_the_same_state_is_refused_until_the_last_orphan_is_gone(hilum, tmp_path):
    with running_router(tmp_path, small_config(tmp_path)) as router:
        second = hilum("run", "--config", router.config_path)
        assert (second.returncode, second.stdout) == (1, "")
        assert second.stderr.count("\n") == 1
        assert "in use" in second.stderr and str(router.state_dir) in second.stderr
        # A process that is stopped cannot see that its supervisor is gone.
        (orphan,) = router.wait_until(lambda: router.processes().get("retain"))
        os.kill(orphan, signal.SIGSTOP)
        router.wait_until(lambda: "State:\tT" in Path(f"/proc/{orphan}/status").read_text())
        router.stop(signal.SIGKILL)
        router.wait_until(lambda: list(router.processes()) == ["retain"], within_s=60)
        assert hilum("run", "--config", router.config_path).returncode == 1
        os.kill(orphan, signal.SIGKILL)
        router.wait_until(lambda: not router.processes(), within_s=60)
        router.start()
        assert router.stop() == 0


def test_sigterm_drains_and_ends_in_time_with_status_0(numbered, tmp_path):
    objects = numbered(len(MODULES) + 1)
    with running_router(tmp_path, small_config(tmp_path)) as router:
        modality = RetryingModality(router.port, objects)
        router.wait_until(lambda: modality.acknowledged >= OBJECTS // 4)
        assert router.stop() == 0
        assert not router.processes()
        acknowledged = modality.acknowledged
        with router.queue() as queue:
            known = sum(queue.status().objects.values())
            assert queue.status().objects.get("routing", 0) == 0
            assert all(one.by_state.get("leased", 0) == 0 for one in queue.status().sinks)
        assert known >= acknowledged


def test_a_second_sigterm_ends_it_at_once(make_object, tmp_path):
    hanging = threading.Event()
    with running_archive(answer=lambda _: hanging.wait(60) and 0) as archive:
        config = f"""
            [peers.modality]
            ae_title = "MODALITY"
            may_send = true
            {archive.peer_toml("archive")}
            [sinks.archive]
            type = "dicom"
            peer = "archive"
            [[routes]]
            name = "all"
            sinks = ["archive"]
            """
        with running_router(tmp_path, config, stop_within="5m") as router:
            send([make_object(tmp_path / "objects", 1)], router.port)
            router.wait_until(lambda: archive.arrivals)
            router.process.send_signal(signal.SIGTERM)
            router.wait_until(lambda: "stopping" in router.log())
            assert router.process.poll() is None
            assert router.stop() == 1
            router.wait_until(lambda: not router.processes(), within_s=60)
        hanging.set()
