"""An archive that is up for a few objects, and down, and up again."""

from __future__ import annotations

import threading

from hilum_core.testing import RudeArchive, running_router, send
from hilum_core.testing.rude import Call

OBJECTS = 60
FLAPS = 6
PER_LIFE = 5
CONFIG = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    [sinks.archive]
    type = "dicom"
    peer = "archive"
    idle = "1ms"
    delivery = { first_retry = "50ms", longest_retry = "30s" }
    [[routes]]
    name = "all"
    sinks = ["archive"]
    """


class FlappingArchive(RudeArchive):
    """Takes a few objects, is down for the next two calls, and so on; then it stays up."""

    def __init__(self) -> None:
        super().__init__()
        self.lives = FLAPS
        self._lock_lives = threading.Lock()
        self._left, self._down = PER_LIFE, 0
        self.usual = self._flap

    def _flap(self, call: Call) -> None:
        with self._lock_lives:
            if self._down:
                self._down -= 1
                call.reset()
                return
        call.accept()
        while (message := call.next_message()) is not None:
            if not message.sop_instance_uid:
                call.answer(message)
                continue
            if self.lives and not self._left:
                self.lives -= 1
                self._left, self._down = PER_LIFE, 2
                call.reset()  # the object has not been kept
                return
            self._left -= 1
            call.take(message)
        call.send(6, bytes(4))


def test_an_archive_that_flaps_gets_each_object_once_and_few_lines_tell_of_it(make_object, tmp_path):
    with FlappingArchive() as archive:
        files = [make_object(tmp_path / "objects", number) for number in range(OBJECTS)]
        with running_router(tmp_path, archive.peer_toml("archive") + CONFIG) as router:
            assert set(send(files, router.port).values()) == {0}
            router.wait_until(lambda: len(router.deliveries("archive", "delivered")) == OBJECTS, within_s=60)
            assert archive.lives == 0
            assert sorted(message.sop_instance_uid for message in archive.taken) == sorted(
                file.sop_instance_uid for file in files
            )
            assert {row.attempts for row in router.deliveries("archive")} == {1}
            told = [line for line in router.log().splitlines() if "sink=archive" in line]
            # A rest, its end, and another rest: it flaps. The end of that is told after half a minute.
            assert len(told) == 3, told
            assert all("a lane rests" in line or "a lane works again" in line for line in told)
