"""A process, and then the whole router, dies at every crash point that there is: nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from itertools import zip_longest
from pathlib import Path

import pytest
from soak.destinations import Shelf
from soak.modality import Modality
from soak.objects import EDIT, Scanner, Sendable

from hilum_core import crash_points
from hilum_core.crash_points import POINTS, Order
from hilum_core.testing import RunningRouter, running_router

OBJECTS = 6
WITHIN_S = 180
OF_THE_SUPERVISOR = {"config", "supervisor"}
AT_RELOAD = {"stage", *OF_THE_SUPERVISOR}
"""What points are named after that are reached when a new config is taken."""

BEFORE = {
    "reconcile": "receive.synced",
    "reconcile.set_aside": "receive.written",
    "leases": "deliver.claimed",
}
"""Where a process has to die first, so that a point, or all that are named after a place, are reached."""


ALIKE = {
    "receive.begun": "receive.sealed",
    "receive.written": "receive.sealed",
    "receive.submitted": "receive.synced",
    "receive.inserting": "receive.synced",
    "reconcile.begun": "receive.synced",
    "route.claimed": "route.decided",
    "route.worker.begun": "route.decided",
    "route.worker.decided": "route.decided",
    "render.claimed": "deliver.claimed",
    "render.worker.begun": "deliver.claimed",
    "render.made": "render.worker.in_place",
    "deliver.worker.begun": "deliver.claimed",
    "deliver.sent": "deliver.worker.sent",
    "worker.beat": "deliver.worker.sending",
    "supervisor.replacing": "config.accepted",
}
"""Where the death of the whole router leaves on the disk what it leaves at another point, which is enough."""


def place_of(point: str) -> str:
    """What a point is named after: ``receive``, ``route.worker``, …"""
    return point.rpartition(".")[0]


def processes_rounds() -> list[tuple[str, ...]]:
    """The points of which each can end a process in one round: one of each place, as long as there are any.

    The points of the supervisor are not among them: with it, all others die.
    """
    places: dict[str, list[str]] = {}
    for point in POINTS:
        places.setdefault(place_of(point), []).append(point)
    ways = [points for place, points in places.items() if place not in OF_THE_SUPERVISOR]
    return [tuple(filter(None, some)) for some in zip_longest(*ways)]


def router_rounds(processes: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The points at which the whole router is to die, shared out to rounds.

    They go to those in which a rendering's worker dies: what it was at waits for ten seconds anyway.
    """
    waiting = [number for number, points in enumerate(processes) if "render.worker" in map(place_of, points)]
    points = [point for point in POINTS if point not in ALIKE]
    shares = {number: tuple(points[nth :: len(waiting)]) for nth, number in enumerate(waiting)}
    return [shares.get(number, ()) for number in range(len(processes))]


PROCESSES = processes_rounds()
ROUNDS = list(zip(PROCESSES, router_rounds(PROCESSES), strict=True))

CONFIG = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    {peer}
    [transforms.edit]
    type = "edit"
    set = {{ InstitutionName = "{institution}" }}
    [sinks.edited]
    type = "folder"
    delivery = {{ first_retry = "200ms" }}
    path = "{edited}"
    layout = "{{SOPInstanceUID}}.dcm"
    [sinks.archive]
    type = "dicom"
    peer = "archive"
    delivery = {{ first_retry = "200ms" }}
    [[routes]]
    name = "untouched"
    sinks = ["archive"]
    [[routes]]
    name = "edited"
    transforms = ["edit"]
    sinks = ["edited"]
    """


class Walk:
    """A router between a modality and two destinations, that dies where it is told."""

    def __init__(self, router: RunningRouter, points: Path, scanner: Scanner, modality: Modality) -> None:
        self.router = router
        self.points = points
        self._scanner = scanner
        self.modality = modality
        self.lives = 1
        self.shelves: dict[str, Shelf] = {}
        self.sent: dict[str, Sendable] = {}
        self.acknowledged: dict[str, str] = {}
        """By SOP Instance UID, at which death an object was sent."""

    def processes_die_at(self, points: Collection[str]) -> None:
        """Send objects while processes die, one at each of the points."""
        for point in points:
            self._arm(point, Order())
        self._send_until(lambda: all(map(self._was_reached, points)), points)

    def start_afresh(self) -> None:
        """Start the router anew: a stage that dies again and again waits longer each time."""
        if self.lives > 1:
            self.router.stop(signal.SIGKILL)
        self._revive()

    def router_dies_at(self, point: str, lingers_s: float = 0) -> None:
        """Send objects while the whole router dies at a point."""
        self._revive()
        lives = self.lives
        self._arm(point, Order(whole_router=True, lingers_s=lingers_s))
        self._send_until(lambda: self._was_reached(point) and self.lives > lives, [point])

    def _arm(self, point: str, order: Order) -> None:
        if before := BEFORE.get(point, BEFORE.get(place_of(point))):
            crash_points.arm(self.points, before)
        crash_points.arm(self.points, point, order)

    def _was_reached(self, point: str) -> bool:
        return crash_points.was_reached(self.points, point)

    def _send_until(self, condition: Callable[[], bool], points: Collection[str]) -> None:
        self._revive()
        death = ", ".join(points)
        sender = threading.Thread(target=self._send, args=(death,), daemon=True)
        sender.start()
        if AT_RELOAD & set(map(place_of, points)):
            self._reload()
        self.wait_until(condition, lambda: f"not reached: {[p for p in points if not self._was_reached(p)]}")
        self.wait_until(lambda: not sender.is_alive(), lambda: f"{death}: the modality is not answered")

    def check(self) -> None:
        """See that all that was acknowledged is everywhere, exact, and that nobody has to see to anything."""
        self.wait_until(lambda: not any(self._missing().values()), lambda: f"missing: {self._missing()}")
        self._revive()
        self.router.wait_until_idle(objects=len(self.acknowledged), within_s=WITHIN_S)
        for shelf in self.shelves.values():
            shelf.look(self.sent)
            assert not shelf.odd

    def wait_until(self, condition: Callable[[], bool], why_not: Callable[[], str]) -> None:
        """Wait, and start the router again whenever it is gone as a whole."""

        def look() -> bool:
            self._revive()
            return condition()

        try:
            self.router.wait_until(look, within_s=WITHIN_S)
        except TimeoutError as error:
            raise AssertionError(why_not()) from error

    def _send(self, death: str) -> None:
        objects = self._scanner.acquire(OBJECTS)
        self.sent |= {one.sop_instance_uid: one for one in objects}
        self.modality.send(
            objects, acknowledged=lambda one: self.acknowledged.setdefault(one.sop_instance_uid, death)
        )

    def _missing(self) -> dict[str, dict[str, str]]:
        """By destination, what was acknowledged and is not there, and at which death it was sent."""
        for shelf in self.shelves.values():
            shelf.look(self.sent)
        return {
            name: {uid: death for uid, death in self.acknowledged.items() if uid not in shelf.arrived}
            for name, shelf in self.shelves.items()
        }

    def _revive(self) -> None:
        if self.router.process.poll() is not None:
            assert self.router.process.returncode == -signal.SIGKILL, self.router.log()
            self.router.wait_until(lambda: not self.router.processes())
            self.router.start()
            self.lives += 1

    def _reload(self) -> None:
        with self.router.config_path.open("a") as config:
            config.write("\n")
        os.kill(self.router.process.pid, signal.SIGHUP)


@pytest.fixture(scope="module")
def walk(storescp, program, free_port, tmp_path_factory) -> Iterator[Walk]:
    place = tmp_path_factory.mktemp("walk")
    program("storescu")
    points = place / "points"
    points.mkdir()
    archive = Shelf(place / "archive", lambda one: one.untouched)
    edited = Shelf(place / "edited", lambda one: one.edited)
    scp = storescp(archive.folder)
    config = CONFIG.format(
        edited=edited.folder, peer=scp.peer_toml("archive"), institution=EDIT["InstitutionName"]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(crash_points.VARIABLE, str(points))
        settings = {"listen": f"127.0.0.1:{free_port()}", "keep_settled": "300ms", "receive_processes": 1}
        with running_router(place, config, **settings) as router:
            modality = Modality("storescu", router.port, ae_title="MODALITY", folder=place)
            walk = Walk(router, points, Scanner(place / "scans", "walk"), modality)
            walk.shelves = {"archive": archive, "edited": edited}
            yield walk
    shutil.rmtree(place / "scans")


def test_every_point_is_walked_by_a_process_and_each_that_differs_by_the_whole_router():
    by_processes, by_router = (
        sorted(point for round_ in ways for point in round_) for ways in zip(*ROUNDS, strict=True)
    )
    assert by_processes == sorted(point for point in POINTS if place_of(point) not in OF_THE_SUPERVISOR)
    assert by_router == sorted(POINTS.keys() - ALIKE.keys())
    assert set(ALIKE.values()) <= set(by_router)


@pytest.mark.parametrize(("processes", "router"), ROUNDS, ids=map(str, range(1, len(ROUNDS) + 1)))
def test_no_object_is_lost_whatever_dies_at_any_point(processes, router, walk):
    walk.start_afresh()
    walk.processes_die_at(processes)
    for point in router:
        walk.router_dies_at(point)
    walk.check()


def test_an_object_whose_row_is_there_and_whose_sender_was_not_answered_is_sent_again(walk):
    before = walk.modality.sent_again
    walk.router_dies_at("receive.submitted", lingers_s=0.5)
    walk.check()
    assert walk.modality.sent_again > before
