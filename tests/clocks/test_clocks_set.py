"""A real router whose clock is set, there and back, while everything that waits by the clock waits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hilum_core.testing import Archive, RudeArchive, RunningRouter, running_router, send
from hilum_core.testing.rude import Call, Message

HOUR_S, DAY_S = 3600, 86_400
CONFIG = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    {peers}
    [sinks.archive]
    type = "dicom"
    peer = "archive"
    idle = "1ms"
    delivery = {{ first_retry = "500ms", longest_retry = "1s" }}
    [sinks.dead]
    type = "dicom"
    peer = "dead"
    idle = "1ms"
    delivery = {{ first_retry = "500ms", longest_retry = "1s" }}
    [[routes]]
    name = "all"
    sinks = ["archive", "dead"]
    """


class FakedClock:
    """The clock of every process that is started from now on; it is ``ahead_s`` of the machine's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.set(0)

    def set(self, ahead_s: int) -> None:
        """Set it, in processes that run as well."""
        beside = self._path.with_suffix(".new")
        beside.write_text(f"{ahead_s:+d}\n")
        beside.rename(self._path)


@pytest.fixture
def clock(tmp_path, monkeypatch) -> Iterator[FakedClock]:
    libraries = list(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if shutil.which("faketime") is None or not libraries:
        pytest.skip("needs faketime")
    faked = FakedClock(tmp_path / "ahead")
    monkeypatch.setenv("LD_PRELOAD", str(libraries[0]))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(tmp_path / "ahead"))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    monkeypatch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    monkeypatch.setenv("NO_FAKE_STAT", "1")
    yield faked


class Busy:
    """Has an archive answer that it is out of resources, until it is not."""

    def __init__(self) -> None:
        self.is_busy = False
        self.refused = 0

    def __call__(self, call: Call) -> None:
        call.accept()
        call.serve(self._take)

    def _take(self, call: Call, message: Message) -> None:
        if self.is_busy:
            self.refused += 1
            call.answer(message, 0xA700)
        else:
            call.take(message)


def states(router: RunningRouter, sink: str) -> dict[str, int]:
    rows = router.deliveries(sink)
    return {state: sum(row.state == state for row in rows) for state in {row.state for row in rows}}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_clock_that_is_set_loses_delays_and_gives_up_nothing(make_object, clock, tmp_path, restarts):
    """Objects wait to be tried again, a lane rests, objects have just been settled: then the clock is set."""
    dead = Archive("DEAD")
    dead.start()
    dead.stop()
    busy = Busy()
    with RudeArchive("ARCHIVE") as archive:
        archive.usual = busy
        config = CONFIG.format(peers=archive.peer_toml("archive") + dead.peer_toml("dead"))
        with running_router(tmp_path, config, keep_settled="12h", receive_processes=2) as router:
            sent = 0
            last: dict[str, bytes] = {}
            for turn, ahead_s in enumerate(
                [-HOUR_S, -DAY_S, HOUR_S, DAY_S, 7300 * DAY_S, 0] if not restarts else [-DAY_S, 20 * DAY_S, 0]
            ):
                busy.is_busy, busy.refused = True, 0
                # One instance that comes again and again with other bytes, and some that come once.
                files = [make_object(tmp_path / f"{turn}", number) for number in (1, 10 * turn + 10)]
                files[0] = make_object(tmp_path / f"{turn}", 1, SeriesDescription=f"version {turn}")
                assert set(send(files, router.port).values()) == {0}
                sent += len(files)
                last |= {file.sop_instance_uid: file.data_set for file in files}
                router.wait_until(lambda: busy.refused >= 2, within_s=60)
                if restarts:
                    router.stop()
                clock.set(ahead_s)
                if restarts:
                    router.start()
                busy.is_busy = False
                router.wait_until(
                    lambda sent=sent: states(router, "archive") == {"delivered": sent}, within_s=60
                )
            assert restarts or "the clock was set" in router.log()
            assert "dead" not in states(router, "dead")
            dead.start()
            router.wait_until_idle(objects=sent)
            assert not router.objects("purged", "purging", "held")
            assert archive.data_sets() == last
            assert dead.data_sets() == last
            dead.stop()
