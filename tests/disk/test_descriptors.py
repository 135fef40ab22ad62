"""File descriptors run out, in one process after the other: it waits, holds nothing, and goes on."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.config import RouterSettings
from hilum_core.supervisor import descriptors
from hilum_core.testing import RawAssociation, running_router, send
from hilum_core.testing.raw import associate_rq, read_pdu

CT = (CTImageStorage, ExplicitVRLittleEndian)
OUT_OF_RESOURCES = 0xA700
ASSOCIATE_AC = 2
WITHIN_S = 60


def config(folder: Path) -> str:
    folder.mkdir()
    return f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
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
        transforms = ["stamp"]
        sinks = ["folder"]
        """


def free_descriptors(pid: int) -> Iterator[int]:
    """The numbers that a process has not given to anything, from the smallest."""
    taken = {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    return (number for number in count() if number not in taken)


@contextmanager
def few(pid: int, *, more: int = 0) -> Iterator[int]:
    """Let a process open only so many more than it has; all that it may have are below what is given."""
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    limit = next(islice(free_descriptors(pid), more, None))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield limit
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def request(port: int) -> socket.socket:
    """Ask for an association, and wait for no answer."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(associate_rq([CT]))
    return sock


def test_callers_wait_where_the_receiver_has_no_descriptor_and_are_served_afterwards(make_object, tmp_path):
    first, second, third = (make_object(tmp_path / "objects", number) for number in (1, 2, 3))
    with running_router(tmp_path, config(tmp_path / "sink"), receive_processes=1) as router:
        assert set(send([first], router.port).values()) == {0}
        (pid,) = router.processes()["receive"]
        with ExitStack() as callers, few(pid, more=8) as limit:
            early = callers.enter_context(RawAssociation.open(router.port, [CT]))
            waiting = [callers.enter_context(request(router.port)) for _ in range(20)]
            router.wait_until(lambda: next(free_descriptors(pid)) >= limit, within_s=WITHIN_S)
            answer = early.store(CTImageStorage, second.sop_instance_uid, [second.data_set])
            assert answer == OUT_OF_RESOURCES
            late = waiting.pop()
            for one in waiting:
                one.close()
            late.settimeout(WITHIN_S)
            assert read_pdu(late)[0] == ASSOCIATE_AC
            router.wait_until(
                lambda: early.store(CTImageStorage, second.sop_instance_uid, [second.data_set]) == 0,
                within_s=WITHIN_S,
            )
        assert set(send([third], router.port).values()) == {0}
        router.wait_until_idle(objects=3)
        assert router.processes()["receive"] == [pid]


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("route.worker", "an object could not be routed and waits"),
        ("render.worker", "a rendering failed and is tried again"),
        ("deliver.worker", "a delivery failed and is tried again"),
    ],
)
def test_stage_that_has_no_descriptor_tries_again_and_holds_nothing(
    make_object, hilum, tmp_path, module, told
):
    objects = [make_object(tmp_path / "objects", number) for number in range(1, 4)]
    with running_router(tmp_path, config(tmp_path / "sink")) as router:
        assert set(send(objects[:1], router.port).values()) == {0}
        router.wait_until_idle(objects=1)
        (pid,) = router.processes()[module]
        with few(pid):
            assert set(send(objects[1:], router.port).values()) == {0}
            router.wait_until(lambda: told in router.log(), within_s=WITHIN_S)
        assert hilum("queue", "retry", "--all", "--config", router.config_path).returncode == 0
        router.wait_until_idle(objects=len(objects), within_s=WITHIN_S)
        assert {row.state for row in router.objects()} == {"settled"}
        assert len(list((tmp_path / "sink").glob("*.dcm"))) == len(objects)


def test_worker_that_cannot_be_started_for_want_of_descriptors_is_started_later(make_object, tmp_path):
    objects = [make_object(tmp_path / "objects", number) for number in range(1, 3)]
    with running_router(tmp_path, config(tmp_path / "sink")) as router:
        assert set(send(objects[:1], router.port).values()) == {0}
        router.wait_until_idle(objects=1)
        (coordinator,) = router.processes()["deliver"]
        with few(coordinator):
            router.kill("deliver.worker")
            router.wait_until(lambda: "a worker cannot be started yet" in router.log(), within_s=WITHIN_S)
            assert set(send(objects[1:], router.port).values()) == {0}
        router.wait_until_idle(objects=len(objects), within_s=WITHIN_S)
        assert router.processes()["deliver"] == [coordinator]


def test_receivers_may_open_what_the_associations_of_the_config_need(tmp_path):
    settings = RouterSettings(state_dir=tmp_path, most_associations=4000, receive_processes=2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < descriptors.needed(settings):
        pytest.skip("the hard limit of this machine is too low for it")
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with running_router(tmp_path, config(tmp_path / "sink"), most_associations=4000) as router:
            for pid in router.wait_until(lambda: router.processes().get("receive")):
                assert resource.prlimit(pid, resource.RLIMIT_NOFILE)[0] == descriptors.needed(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_check_names_a_hard_limit_that_is_too_low_for_the_associations(hilum, tmp_path):
    path = tmp_path / "hilum.toml"
    lines = f'[router]\nstate_dir = "{tmp_path}/state"\nlisten = "127.0.0.1:0"\n'
    path.write_text(f"{lines}most_associations = 10000000\n")
    check = hilum("check", "--environment", "--config", path)
    assert check.returncode == 1
    assert "router.most_associations: 10000000 associations need" in check.stdout
    path.write_text(lines)
    assert hilum("check", "--environment", "--config", path).returncode == 0
