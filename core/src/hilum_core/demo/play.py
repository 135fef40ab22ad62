"""The demo from beginning to end: start the peers and the router, send, watch, compare, report."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from hilum_core.clock import SystemClock
from hilum_core.demo.objects import DemoObject, shipped_objects
from hilum_core.demo.peers import Archive, Modality
from hilum_core.demo.report import print_how_to_send, print_kept, print_ready, print_results, print_scene
from hilum_core.demo.results import Track, collect, track
from hilum_core.demo.router import RouterProcess
from hilum_core.demo.scene import ROUTER_AE, SINKS, Scene, archive_folder, expected_sinks, free_port
from hilum_core.queue import QUEUE_FILE, QueueStore, SqliteQueue
from hilum_core.queue.states import TAKEN

ARRIVE_WITHIN_S = 60.0
_POLL_S = 0.1


def play(console: Console, *, folder: Path | None, keep: bool) -> int:
    """Play the demo and return its exit status.

    Parameters
    ----------
    folder
        An empty or new folder for all that the demo makes; None for a temporary one, which goes away
        when all went well.
    keep
        Leave the router running after the report, until Ctrl-C.
    """
    place = folder.absolute() if folder else Path(tempfile.mkdtemp(prefix="hilum-demo-"))
    good = False
    try:
        good = _play_in(place, console, keep=keep)
    finally:
        if folder is None and good:
            shutil.rmtree(place, ignore_errors=True)
        else:
            print_kept(console, place)
    return 0 if good else 1


def _play_in(folder: Path, console: Console, *, keep: bool) -> bool:
    objects = shipped_objects()
    with ExitStack() as stack:
        archive = Archive(archive_folder(folder), objects)
        stack.callback(archive.stop)
        scene = Scene(folder=folder, router_port=free_port(), archive_port=archive.start())
        scene.prepare()
        print_scene(console, scene, objects)
        router = RouterProcess(scene.config_path, scene.log_path)
        stack.callback(router.stop)
        modality = Modality(router_ae=ROUTER_AE, router_port=scene.router_port)
        with console.status("the router starts"):
            router.wait_until(modality.echo)
        print_ready(console, scene)
        queue = SqliteQueue.open(scene.state_dir / QUEUE_FILE, incarnation=0, clock=SystemClock())
        stack.callback(queue.close)
        with _progress(console) as progress:
            watch = _Watch(objects, queue, router, progress)
            modality.send(objects, watch.answered)
            watch.until_all_have_ended()
        results = collect(objects, watch.answers, watch.tracks, scene)
        print_results(console, results)
        if keep:
            print_how_to_send(console, scene)
            _wait_for_interrupt(router)
        return all(result.is_good for result in results)


class _Watch:
    """Keeps the modality's answers and the queue's states, and the progress bars in step with them."""

    def __init__(
        self, objects: Sequence[DemoObject], queue: QueueStore, router: RouterProcess, progress: Progress
    ) -> None:
        self.answers: dict[str, str] = {}
        self.tracks: Mapping[str, Track] = {}
        self._objects = objects
        self._queue = queue
        self._router = router
        self._progress = progress
        self._sent = progress.add_task("sent to the router", total=len(objects))
        self._bars = {
            sink: progress.add_task(
                f"arrived: {sink}", total=sum(sink in expected_sinks(item) for item in objects)
            )
            for sink in SINKS
        }

    def answered(self, item: DemoObject, words: str) -> None:
        self.answers[item.name] = words
        self._look()

    def until_all_have_ended(self) -> None:
        """Wait for every object's end, whatever it be, or for so long as a demo may take."""
        deadline = time.monotonic() + ARRIVE_WITHIN_S
        while not self._all_have_ended() and time.monotonic() < deadline:
            self._router.check()
            time.sleep(_POLL_S)
            self._look()

    def _all_have_ended(self) -> bool:
        return all(
            item.sop_instance_uid in self.tracks and self.tracks[item.sop_instance_uid].has_ended(item)
            for item in self._objects
        )

    def _look(self) -> None:
        self.tracks = track(self._queue)
        self._progress.update(self._sent, completed=len(self.answers))
        for sink, bar in self._bars.items():
            arrived = sum(one.sinks.get(sink) in TAKEN for one in self.tracks.values())
            self._progress.update(bar, completed=arrived)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<20}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


def _wait_for_interrupt(router: RouterProcess) -> None:
    with suppress(KeyboardInterrupt):
        while True:
            router.check()
            time.sleep(1)
