"""The disk is full, for the router or a destination: senders are told, nothing is lost, it mends itself."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.testing import RawAssociation, RunningRouter, SentFile, running_archive, running_router, send
from hilum_core.testing.raw import Rejected

CT = (CTImageStorage, ExplicitVRLittleEndian)
MIB = 1 << 20
OUT_OF_RESOURCES = 0xA700
LIMIT_EXCEEDED = (2, 3, 2)
WITHIN_S = 60
MODALITY = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    """


def folder_config(folder: Path, *, transform: str = "") -> str:
    folder.mkdir(exist_ok=True)
    return f"""{MODALITY}
        [transforms.stamp]
        type = "edit"
        set = {{ InstitutionName = "Hilum" }}
        [sinks.folder]
        type = "folder"
        path = "{folder}"
        layout = "{{SOPInstanceUID}}.dcm"
        delivery = {{ first_retry = "200ms", longest_retry = "1s" }}
        [[routes]]
        name = "all"
        {transform}
        sinks = ["folder"]
        """


def archive_config(archive) -> str:
    return f"""{MODALITY}
        {archive.peer_toml("archive")}
        [sinks.archive]
        type = "dicom"
        peer = "archive"
        delivery = {{ first_retry = "200ms", longest_retry = "1s" }}
        [[routes]]
        name = "all"
        sinks = ["archive"]
        """


def is_admitted(router: RunningRouter) -> bool:
    try:
        RawAssociation.open(router.port, [CT]).release()
    except Rejected as rejected:
        assert rejected.answer == LIMIT_EXCEEDED
        return False
    return True


def store_until(router: RunningRouter, objects: list[SentFile]) -> None:
    """Send until it is taken: what a modality does that was told to come again."""
    router.wait_until(lambda: set(send(objects, router.port).values()) == {0}, within_s=WITHIN_S)


def settled(router: RunningRouter) -> set[str]:
    return {row.stored.instance.sop_instance_uid for row in router.objects("settled", "purged")}


@pytest.fixture
def objects(make_object, tmp_path):
    return [make_object(tmp_path / "objects", number) for number in range(1, 6)]


# ---- receiving


def test_below_the_watermark_senders_are_told_to_come_again_and_are_taken_when_there_is_room(
    small_disk, objects, tmp_path
):
    disk = small_disk("router", 200)
    config = folder_config(tmp_path / "sink")
    with running_router(disk.path, config, refuse_below_free="32MiB", receive_processes=1) as router:
        with RawAssociation.open(router.port, [CT]) as open_before:
            first, second, third = objects[:3]
            assert open_before.store(CTImageStorage, first.sop_instance_uid, [first.data_set]) == 0
            disk.fill(leave_bytes=32 * MIB)
            router.wait_until(lambda: not is_admitted(router), within_s=WITHIN_S)
            answer = open_before.store(CTImageStorage, second.sop_instance_uid, [second.data_set])
            assert answer == OUT_OF_RESOURCES
            disk.make_room()
            router.wait_until(lambda: is_admitted(router), within_s=WITHIN_S)
            router.wait_until(
                lambda: open_before.store(CTImageStorage, third.sop_instance_uid, [third.data_set]) == 0
            )
        store_until(router, [second])
        router.wait_until_idle(objects=3)
        assert {path.stem for path in (tmp_path / "sink").glob("*.dcm")} == {
            one.sop_instance_uid for one in (first, second, third)
        }


def test_object_that_the_disk_has_no_room_for_is_refused_and_leaves_nothing(small_disk, objects, tmp_path):
    disk = small_disk("router", 64)
    config = folder_config(tmp_path / "sink")
    with running_router(disk.path, config, refuse_below_free="0B", receive_processes=1) as router:
        with RawAssociation.open(router.port, [CT]) as association:
            disk.fill(leave_bytes=20 * MIB)
            large = (bytes(MIB) for _ in range(40))
            assert association.store(CTImageStorage, "1.2.3", large) == OUT_OF_RESOURCES
            assert not list((router.state_dir / "spool").rglob("*.dcm"))
            disk.make_room()
            first = objects[0]
            router.wait_until(
                lambda: association.store(CTImageStorage, first.sop_instance_uid, [first.data_set]) == 0
            )
        router.wait_until_idle(objects=1)


def test_disk_without_inodes_refuses_senders_lets_the_router_start_and_mends_itself(
    small_disk, objects, tmp_path
):
    disk = small_disk("router", 200, files=400)
    with running_router(disk.path, folder_config(tmp_path / "sink"), refuse_below_free="1MiB") as router:
        store_until(router, objects[:1])
        router.wait_until_idle(objects=1)
        disk.fill_files()
        router.wait_until(lambda: not is_admitted(router), within_s=WITHIN_S)
        router.stop()
        router.start()
        assert not is_admitted(router)
        disk.make_room()
        store_until(router, objects[1:])
        router.wait_until_idle(objects=len(objects))


# ---- what was acknowledged before


@pytest.mark.parametrize("starts_anew", [False, True])
def test_full_disk_gives_up_the_ballast_so_that_what_is_delivered_is_recorded(
    small_disk, objects, starts_anew
):
    disk = small_disk("router", 600)
    with (
        running_archive() as archive,
        running_router(disk.path, archive_config(archive), keep_settled="1s") as router,
    ):
        ballast = router.state_dir / "ballast"
        router.wait_until(ballast.exists, within_s=WITHIN_S)
        archive.stop()
        store_until(router, objects)
        router.wait_until(lambda: len(router.deliveries("archive", "ready")) == len(objects))
        if starts_anew:
            router.stop(signal.SIGKILL)
            router.wait_until(lambda: not router.processes())
        disk.fill()
        if starts_anew:
            router.start()
        archive.start()
        router.wait_until_idle(objects=len(objects), within_s=WITHIN_S)
        assert set(archive.data_sets()) == {one.sop_instance_uid for one in objects}
        assert not ballast.exists()
        router.wait_until(lambda: len(router.objects("purged")) == len(objects), within_s=WITHIN_S)
        disk.make_room()
        router.wait_until(ballast.exists, within_s=WITHIN_S)
        router.wait_until(lambda: is_admitted(router), within_s=WITHIN_S)


def test_a_new_config_is_taken_on_a_full_disk_at_the_cost_of_the_ballast(small_disk, hilum, tmp_path):
    """Who shortens `keep_settled` because the disk is full must not be told that it is full."""
    disk = small_disk("router", 600)
    with running_router(disk.path, folder_config(tmp_path / "sink")) as router:
        ballast = router.state_dir / "ballast"
        router.wait_until(lambda: ballast.exists() and ballast.stat().st_size, within_s=WITHIN_S)
        with router.config_path.open("a") as config:
            config.write("# as before\n")
        stages = [pid for pids in router.processes().values() for pid in pids]
        for pid in stages:  # that none of them writes, and gives the ballast up for it
            os.kill(pid, signal.SIGSTOP)
        disk.fill()
        done = hilum("reload", "--config", router.config_path)
        for pid in stages:
            os.kill(pid, signal.SIGCONT)
        assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["taken as revision 2"]), done.stderr


def test_nothing_undelivered_is_deleted_however_full_the_disk_is_and_across_a_start(small_disk, objects):
    disk = small_disk("router", 100)
    with (
        running_archive() as archive,
        running_router(disk.path, archive_config(archive), refuse_below_free="1MiB") as router,
    ):
        archive.stop()
        store_until(router, objects)
        router.wait_until(lambda: len(router.deliveries("archive", "ready")) == len(objects))
        disk.fill()
        router.stop(signal.SIGKILL)
        router.wait_until(lambda: not router.processes())
        router.start()
        assert not is_admitted(router)
        assert len(list((router.state_dir / "spool").rglob("*.dcm"))) == len(objects)
        disk.make_room()
        archive.start()
        router.wait_until_idle(objects=len(objects), within_s=WITHIN_S)
        assert set(archive.data_sets()) == {one.sop_instance_uid for one in objects}


def test_rendering_waits_for_room_and_nothing_is_sent_untransformed(small_disk, objects, hilum, tmp_path):
    config = folder_config(tmp_path / "sink", transform='transforms = ["stamp"]')
    with running_router(tmp_path, config) as router:
        disk = small_disk("state/renderings", 4)
        disk.fill()
        store_until(router, objects)
        router.wait_until(lambda: "a rendering failed and is tried again" in router.log(), within_s=WITHIN_S)
        assert not list((tmp_path / "sink").glob("*.dcm"))
        disk.make_room()
        assert hilum("queue", "retry", "--all", "--config", router.config_path).returncode == 0
        router.wait_until_idle(objects=len(objects), within_s=WITHIN_S)
        for one in objects:
            assert dcmread(tmp_path / "sink" / f"{one.sop_instance_uid}.dcm").InstitutionName == "Hilum"


def test_log_on_a_full_disk_stops_nothing(small_disk, objects, tmp_path):
    disk = small_disk("log", 1)
    with running_router(tmp_path, folder_config(tmp_path / "sink")) as router:
        router.stop()
        router.log_path = disk.path / "router.log"
        router.start()
        disk.fill()
        store_until(router, objects)
        router.wait_until_idle(objects=len(objects))


# ---- a destination


def test_full_folder_rests_its_lane_spends_no_attempts_and_goes_on_when_there_is_room(
    small_disk, objects, tmp_path
):
    disk = small_disk("sink", 4)
    with running_router(tmp_path, folder_config(disk.path)) as router:
        disk.fill()
        store_until(router, objects)
        router.wait_until(lambda: "a lane rests" in router.log(), within_s=WITHIN_S)
        assert "is full; free space on it" in router.log()
        disk.make_room()
        router.wait_until_idle(objects=len(objects), within_s=WITHIN_S)
        assert {row.state for row in router.deliveries("folder")} == {"delivered"}
        assert {path.stem for path in disk.path.glob("*.dcm")} == {one.sop_instance_uid for one in objects}
