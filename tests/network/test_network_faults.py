"""Lines between hosts are cut, lossy, thin and reset; all that is acknowledged arrives, bit for bit."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest

from hilum_core.testing import RunningRouter, SentFile, running_router

PATIENCE_S = 60.0
OBJECT_BYTES = 16_000


@pytest.fixture
def objects(make_object, tmp_path) -> Callable[..., list[SentFile]]:
    def make(count: int, first: int = 1, size: int = OBJECT_BYTES) -> list[SentFile]:
        return [
            make_object(tmp_path / "sent", number, PixelData=number.to_bytes(4, "little") * (size // 4))
            for number in range(first, first + count)
        ]

    return make


@attrs.frozen
class Modality:
    """DCMTK's storescu on a host of its own."""

    host: Any
    storescu: str

    def start(self, router: RunningRouter, files: Sequence[SentFile]) -> subprocess.Popen[bytes]:
        return self.host.namespace.start(
            self.storescu, "-q", "-aet", "MODALITY", "-aec", "HILUM",
            self.host.router_address, str(router.port), *(str(file.path) for file in files),
        )  # fmt: skip

    def send(self, router: RunningRouter, files: Sequence[SentFile]) -> int:
        """Send them to the end; the exit status."""
        return self.start(router, files).wait(PATIENCE_S)


@pytest.fixture
def modality(network, program) -> Modality:
    return Modality(network.add_host(), program("storescu"))


@contextmanager
def router_between(network, tmp_path: Path, **archives) -> Iterator[RunningRouter]:
    sinks = "".join(archive.sink_toml(name) for name, archive in archives.items())
    names = ", ".join(f'"{name}"' for name in archives)
    config = f"""
        [peers.modality]
        ae_title = "MODALITY"
        may_send = true
        {sinks}
        [[routes]]
        name = "all"
        sinks = [{names}]
        """
    folder = tmp_path / "router"
    folder.mkdir()
    with running_router(
        folder, config, before=network.router.enter, listen="0.0.0.0:0", idle_timeout="2s"
    ) as router:
        yield router


def bits(files: Sequence[SentFile]) -> set[tuple[str, bytes]]:
    return {(file.sop_instance_uid, file.data_set) for file in files}


def all_arrives(router: RunningRouter, files: Sequence[SentFile], *archives) -> None:
    """Wait until it has, with nothing dead or held and nothing changed on the way."""
    router.wait_until_idle(objects=len(files), within_s=PATIENCE_S)
    assert not router.deliveries("", "dead", "held")
    for archive in archives:
        # What storescp has half of, it removes when it sees that the association has ended.
        router.wait_until(lambda archive=archive: archive.got() == bits(files), within_s=PATIENCE_S)


def rests(router: RunningRouter, sink: str) -> bool:
    with router.queue() as queue:
        lanes = {one.sink: one.lane for one in queue.status().sinks}
    return lanes[sink] is not None and lanes[sink].state == "resting"


def test_a_destination_that_is_cut_off_in_the_middle_of_a_flow_gets_all_once_the_line_is_back(
    network, modality, remote_storescp, objects, tmp_path
):
    far, near = remote_storescp(), remote_storescp()
    far.host.thin("4mbit")
    first, later = objects(60), objects(20, first=61)
    with router_between(network, tmp_path, far=far, near=near) as router:
        sending = modality.start(router, first)
        router.wait_until(lambda: len(router.deliveries("far", "delivered")) >= 5, within_s=PATIENCE_S)
        far.host.cut()
        assert sending.wait(PATIENCE_S) == 0
        assert modality.send(router, later) == 0
        router.wait_until(lambda: near.got() == bits(first + later), within_s=PATIENCE_S)
        router.wait_until(lambda: far.host.hits() and rests(router, "far"), within_s=PATIENCE_S)
        assert len(router.deliveries("far", "delivered")) < len(first + later)
        far.host.heal()
        all_arrives(router, first + later, far, near)


def test_every_object_arrives_over_a_thin_line_that_loses_packets(
    network, modality, remote_storescp, objects, tmp_path
):
    archive = remote_storescp()
    sent = objects(40)
    for host in network.hosts:
        host.thin("4mbit")
        host.lose(0.05)
    with router_between(network, tmp_path, archive=archive) as router:
        assert modality.send(router, sent) == 0
        all_arrives(router, sent, archive)
    assert all(host.hits() for host in network.hosts)


def test_every_object_arrives_though_connections_are_reset_under_load(
    network, modality, remote_storescp, objects, tmp_path
):
    archive = remote_storescp()
    archive.host.thin("4mbit")
    sent = objects(120)
    met = 0
    with router_between(network, tmp_path, archive=archive) as router:
        sending = modality.start(router, sent)
        for times in range(1, 6):
            router.wait_until(
                lambda so_many=20 * times: len(router.deliveries("archive", "delivered")) >= so_many,
                within_s=PATIENCE_S,
            )
            archive.host.reset()
            router.wait_until(lambda: archive.host.hits() >= 2 or len(archive.got()) == len(sent))
            met += archive.host.hits()
            archive.host.heal()
        assert sending.wait(PATIENCE_S) == 0
        all_arrives(router, sent, archive)
    assert met


def test_a_sender_that_is_cut_off_within_an_object_leaves_nothing_and_sends_again(
    network, modality, remote_storescp, objects, tmp_path
):
    archive = remote_storescp()
    host = modality.host
    host.thin("8mbit")
    sent = [*objects(3), *objects(1, first=4, size=4_000_000)]
    with router_between(network, tmp_path, archive=archive) as router:
        spool = router.state_dir / "spool"
        cut_off = modality.start(router, sent)
        router.wait_until(lambda: largest(spool) > 500_000, within_s=PATIENCE_S)
        host.cut()
        router.wait_until(lambda: largest(spool) < 500_000, within_s=PATIENCE_S)
        assert len(router.objects()) == 3
        host.heal()
        assert cut_off.wait(PATIENCE_S) != 0
        host.widen()
        assert modality.send(router, sent) == 0
        all_arrives(router, sent, archive)
        assert len(router.objects()) == 3 + len(sent)


def largest(folder: Path) -> int:
    """The size of the largest file below a folder from which files are moved and removed."""
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return max(sizes)
