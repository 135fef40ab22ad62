"""The soak: modalities send, destinations take, processes die; then all is compared."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from hilum_core import crash_points
from hilum_core.crash_points import Order
from hilum_core.queue import QueueUnavailable
from soak.faults import Fault, Kind, faults
from soak.modality import Modality, Program
from soak.objects import Scanner, Sendable
from soak.processes import Held, held, most
from soak.report import Arrival, Report
from soak.scene import Scene

_PROGRAMS: tuple[Program, Program] = ("storescu", "dcmsend")
_LOOK_EVERY_S = 0.5
_BATCHES = (4, 16)
_PAUSES_S = (0.1, 0.8)
_WARM_S = 3.0
_AT_AN_END = {"settled", "purging", "purged"}


class Soak:
    """One run.

    Parameters
    ----------
    place
        A folder of its own.
    pace_s
        How long after a fault the next one comes, on average.
    patience_s
        How long to wait at the end until all is quiet.
    tell
        Is told of each fault.
    """

    def __init__(
        self,
        place: Path,
        *,
        seed: int,
        modalities: int,
        pace_s: float,
        patience_s: float,
        tell: Callable[[str], object],
    ) -> None:
        self._place = place
        self._seed = seed
        self._pace_s = pace_s
        self._patience_s = patience_s
        self._tell = tell
        self._names = [f"MODALITY{number}" for number in range(1, modalities + 1)]
        self._scene = Scene(place, self._names)
        self._sent: dict[str, Sendable] = {}
        self._acknowledged: dict[str, int] = {}
        self._over = threading.Event()
        self._given_up = threading.Event()
        self._kills: Counter[str] = Counter()
        self._others: Counter[Kind] = Counter()
        self._armed: tuple[str, str] | None = None
        self._greatest: dict[str, Held] = {}

    def run(self, seconds: float) -> Report:
        """Let it run for so long, wait until all is quiet, and say what was found."""
        started = time.monotonic()
        scene = self._scene
        scene.start()
        try:
            self._idle(_WARM_S)
            start = held(scene.router)
            with self._sending() as sent_again:
                self._break_things(time.monotonic() + seconds)
            scene.archive.start()
            self._disarm()
            self._tell("waiting until all is quiet")
            self._wait_until_quiet()
            return self._report(time.monotonic() - started, sum(sent_again), start)
        finally:
            scene.router.stop()
            scene.archive.stop()

    # ---- sending

    @contextmanager
    def _sending(self) -> Iterator[list[int]]:
        """Have all modalities send in the block; then until what they began is acknowledged."""
        sent_again: list[int] = []
        with ThreadPoolExecutor(len(self._names)) as pool:
            senders = [pool.submit(self._send, number, name) for number, name in enumerate(self._names)]
            try:
                yield sent_again
            finally:
                self._over.set()
                self._finish(senders)
            sent_again += [sender.result() for sender in senders]

    def _finish(self, senders: list[Future[int]]) -> None:
        """Keep the router alive until the last batch has its answers, or patience ends."""
        end = time.monotonic() + self._patience_s
        while not all(sender.done() for sender in senders) and time.monotonic() < end:
            self._idle(_LOOK_EVERY_S)
        self._given_up.set()

    def _send(self, number: int, name: str) -> int:
        """Send batch after batch; returns how many objects had to be sent again."""
        dice = random.Random(f"{self._seed} {name}")
        scanner = Scanner(self._place / name, f"{self._seed} {name}")
        program = _PROGRAMS[number % len(_PROGRAMS)]
        modality = Modality(program, self._scene.port, ae_title=name, folder=self._place)
        while not self._over.wait(dice.uniform(*_PAUSES_S)):
            objects = scanner.acquire(dice.randint(*_BATCHES))
            self._sent.update((one.sop_instance_uid, one) for one in objects)
            modality.send(objects, acknowledged=self._note, giving_up=self._given_up.is_set)
        return modality.sent_again

    def _note(self, one: Sendable) -> None:
        self._acknowledged[one.sop_instance_uid] = one.path.stat().st_size
        one.path.unlink()

    # ---- what goes wrong

    def _break_things(self, end: float) -> None:
        for fault in faults(self._seed, self._pace_s):
            self._idle(min(fault.after_s, end - time.monotonic()))
            if time.monotonic() >= end:
                return
            self._break(fault)

    def _idle(self, seconds: float) -> None:
        """Compare what arrives, and start the router again when it is gone, for so long."""
        end = time.monotonic() + seconds
        while True:
            self._scene.revive()
            for shelf in self._scene.shelves.values():
                shelf.look(self._sent)
            for module, one in held(self._scene.router).items():
                self._greatest[module] = most([one, self._greatest.get(module, one)])
            left_s = end - time.monotonic()
            if left_s <= 0:
                return
            time.sleep(min(_LOOK_EVERY_S, left_s))

    def _break(self, fault: Fault) -> None:
        scene = self._scene
        self._tell(f"{fault.kind.value} {fault.where}")
        match fault.kind:
            case Kind.PROCESS:
                self._kills[fault.where] += scene.kill_process(fault)
            case Kind.POINT | Kind.ROUTER_AT_POINT:
                self._disarm()
                whole = fault.kind is Kind.ROUTER_AT_POINT
                crash_points.arm(scene.points, fault.where, Order(whole_router=whole))
                self._armed = fault.where, f"at {fault.where}{', whole router' if whole else ''}"
            case Kind.SUPERVISOR:
                scene.kill_supervisor()
                self._kills["supervisor"] += 1
            case Kind.ROUTER:
                scene.kill_all()
                self._kills["whole router"] += 1
            case Kind.RELOAD:
                scene.reload()
                self._others[fault.kind] += 1
            case Kind.DESTINATION if scene.archive.is_running:
                scene.archive.stop()
                self._others[fault.kind] += 1
            case Kind.DESTINATION:
                scene.archive.start()

    def _disarm(self) -> None:
        """Count a kill at the point that was armed last, or have nobody die there any more."""
        if self._armed is None:
            return
        (point, what), self._armed = self._armed, None
        if not crash_points.disarm(self._scene.points, point):
            self._kills[what] += 1

    # ---- the end

    def _wait_until_quiet(self) -> None:
        end = time.monotonic() + self._patience_s
        while time.monotonic() < end and not self._is_quiet():
            self._idle(_LOOK_EVERY_S)

    def _is_quiet(self) -> bool:
        return not (
            any(map(self._missing, self._scene.shelves)) or self._unsettled() or self._scene.leftovers()
        )

    def _missing(self, name: str) -> list[str]:
        return [uid for uid in self._acknowledged if uid not in self._scene.shelves[name].arrived]

    def _unsettled(self) -> dict[str, int]:
        """Objects that are not at an end, and deliveries that need a person."""
        try:
            with self._scene.router.queue() as queue:
                status = queue.status()
        except QueueUnavailable:
            return {"queue is busy": 1}
        counts = {
            f"objects {state}": count
            for state, count in status.objects.items()
            if count and state not in _AT_AN_END
        }
        for sink in status.sinks:
            for state in ("held", "dead"):
                if sink.by_state.get(state):
                    counts[f"deliveries to {sink.sink} {state}"] = sink.by_state[state]
        return counts

    def _report(self, seconds: float, sent_again: int, start: dict[str, Held]) -> Report:
        scene = self._scene
        return Report(
            seed=self._seed,
            seconds=round(seconds, 1),
            kills=dict(+self._kills),
            reloads=self._others[Kind.RELOAD],
            destination_stops=self._others[Kind.DESTINATION],
            acknowledged=len(self._acknowledged),
            acknowledged_bytes=sum(self._acknowledged.values()),
            sent_again=sent_again,
            unanswered=len(self._sent) - len(self._acknowledged),
            arrivals={
                name: Arrival(
                    objects=len(shelf.arrived),
                    copies=shelf.copies,
                    missing=self._missing(name),
                    odd=sorted(shelf.odd),
                )
                for name, shelf in scene.shelves.items()
            },
            unsettled=self._unsettled(),
            defects=scene.defects(),
            leftovers=scene.leftovers(),
            incomplete=scene.incomplete(),
            queue_bytes=scene.queue_bytes(),
            start=start,
            greatest=dict(sorted(self._greatest.items())),
            end=held(scene.router),
        )
