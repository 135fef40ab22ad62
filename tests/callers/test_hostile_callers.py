"""Crowds that say nothing, a byte now and then, or too much, while a real modality goes on sending."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from hilum_core.testing import RawAssociation, RunningRouter, running_router
from hilum_core.testing.raw import Ended, Rejected, associate_rq

CT = (CTImageStorage, ExplicitVRLittleEndian)
IDLE = 300
CONFIG = """
[peers.modality]
ae_title = "MODALITY"
may_send = true
[peers.other]
ae_title = "OTHER"
may_send = true
[sinks.folder]
type = "folder"
path = "{folder}"
layout = "{{SOPInstanceUID}}.dcm"
[[routes]]
name = "all"
sinks = ["folder"]
"""


@pytest.fixture
def router(tmp_path: Path) -> Iterator[RunningRouter]:
    folder = tmp_path / "sink"
    folder.mkdir()
    with running_router(tmp_path, CONFIG.format(folder=folder), receive_processes=2) as running:
        running.wait_until(lambda: len(running.processes().get("receive", ())) == 2)
        yield running
        assert "defect" not in running.log()


@contextlib.contextmanager
def in_the_background(something: Callable[[], None]) -> Iterator[None]:
    """Do something over and over, on a thread."""
    stop = threading.Event()

    def again_and_again() -> None:
        while not stop.is_set():
            something()

    thread = threading.Thread(target=again_and_again)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def knock(port: int) -> None:
    """Ask for an association as somebody whom nobody knows."""
    with contextlib.suppress(Rejected, Ended, OSError):
        RawAssociation.open(port, [CT], calling_ae="STRANGER").close()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def test_a_modality_goes_on_beside_hundreds_of_idle_sockets_slow_ones_and_a_flood(
    router, run_dcmtk, make_object, tmp_path
):
    before = router.processes()["receive"]
    files = [make_object(tmp_path / "objects", number) for number in range(20)]
    request = associate_rq([CT], calling_ae="MODALITY", called_ae="HILUM")
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE):
            stack.enter_context(connect(router.port))
        slow = [stack.enter_context(connect(router.port)) for _ in range(30)]
        sent = 0

        def a_byte_of_each() -> None:
            nonlocal sent
            for one in slow:
                with contextlib.suppress(OSError):
                    one.send(request[sent % len(request) :][:1])
            sent += 1

        stack.enter_context(in_the_background(a_byte_of_each))
        stack.enter_context(in_the_background(lambda: knock(router.port)))
        for file in files:  # an association for each object, as many modalities do
            result = run_dcmtk(
                "storescu", "-aet", "MODALITY", "-aec", "HILUM", "127.0.0.1", router.port, file.path
            )
            assert result.returncode == 0, result.stderr
    router.wait_until_idle(objects=len(files))
    assert len(router.deliveries("folder", "delivered")) == len(files)
    assert router.processes()["receive"] == before
    lines = [line for line in router.log().splitlines() if "STRANGER" in line]
    assert len(lines) <= 2 * 20  # of each process


def test_a_peer_that_leaves_associations_open_keeps_no_other_out(router, run_dcmtk):
    with contextlib.ExitStack() as stack:
        opened = 0
        with pytest.raises(Rejected) as rejected:
            while True:
                stack.callback(RawAssociation.open(router.port, [CT], calling_ae="OTHER").close)
                opened += 1
        assert rejected.value.answer == (2, 3, 2)
        assert opened == 32  # most_associations_of_a_peer
        assert (
            run_dcmtk("echoscu", "-aet", "MODALITY", "-aec", "HILUM", "127.0.0.1", router.port).returncode
            == 0
        )


def test_nothing_grows_with_those_who_come_and_go(router, run_dcmtk):
    def round_of_everything() -> None:
        for _ in range(40):
            knock(router.port)
            connect(router.port).close()
            with connect(router.port) as noisy, contextlib.suppress(OSError):
                noisy.sendall(b"GET / HTTP/1.0\r\n\r\n" * 8)
                noisy.recv(100)
            with RawAssociation.open(router.port, [CT]) as association:
                association.begin_store(CTImageStorage, "1.2.3")
                association.close()

    pids = router.processes()["receive"]
    for _ in range(3):
        round_of_everything()
    before = {pid: (memory_kib(pid), descriptors(pid)) for pid in pids}
    for _ in range(12):
        round_of_everything()
    assert run_dcmtk("echoscu", "-aet", "MODALITY", "-aec", "HILUM", "127.0.0.1", router.port).returncode == 0
    assert router.processes()["receive"] == pids
    for pid in pids:
        memory, open_files = before[pid]
        assert memory_kib(pid) < memory + 16 * 1024
        router.wait_until(lambda pid=pid, most=open_files: descriptors(pid) <= most + 4)


def test_control_characters_of_a_caller_forge_no_line_of_the_log(router):
    forged = "A\n2026 INFO"
    with contextlib.suppress(Rejected, Ended):
        RawAssociation.open(router.port, [CT], calling_ae=forged, called_ae="\x1b[2JHILUM")
    router.wait_until(lambda: "called AE title not recognised" in router.log())
    log = router.log()
    assert "\x1b" not in log
    assert not [line for line in log.splitlines() if line.startswith("2026 INFO")]


def memory_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))
