"""What became of each object: the modality's answer, the router's states, and the files that arrived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from hilum_core.demo.compare import Arrival, arrivals, compare_bytes, compare_edited
from hilum_core.demo.objects import DemoObject
from hilum_core.demo.scene import EDIT_PUT, EDIT_REMOVED, SINKS, TEACHING, Scene, expected_sinks
from hilum_core.queue import QueueStore
from hilum_core.queue.states import TAKEN, UNFINISHED

STORED = "stored"


@attrs.frozen(kw_only=True)
class Track:
    """What the router says of one object: its state, the routes that took it, the state at each sink."""

    state: str
    routes: tuple[str, ...] = ()
    sinks: Mapping[str, str] = attrs.field(factory=dict)

    def has_ended(self, item: DemoObject) -> bool:
        """Whether nothing more will happen to the object by itself."""
        waiting = (*UNFINISHED, None)
        return self.state == "held" or all(
            self.sinks.get(sink) not in waiting for sink in expected_sinks(item)
        )


@attrs.frozen(kw_only=True)
class Cell:
    """One object at one sink: the router's word, and what was found there."""

    state: str
    arrival: Arrival

    @property
    def is_good(self) -> bool:
        """Whether word and finding agree, and are as the config wants them."""
        if self.arrival is Arrival.NOT_ROUTED:
            return not self.state
        return self.state in TAKEN and self.arrival.is_good


@attrs.frozen(kw_only=True)
class Result:
    """One line of the report."""

    item: DemoObject
    answer: str
    routes: tuple[str, ...]
    cells: Mapping[str, Cell]

    @property
    def is_good(self) -> bool:
        """Whether the object is everywhere where it should be, as it should be, and nowhere else."""
        return self.answer == STORED and all(cell.is_good for cell in self.cells.values())


def track(queue: QueueStore) -> Mapping[str, Track]:
    """Ask the queue for all objects, by SOP Instance UID."""
    many = 10_000
    deliveries = queue.list_deliveries(limit=many)
    tracks = {}
    for row in queue.list_objects(limit=many):
        own = [one for one in deliveries if one.object_id == row.stored.instance.id]
        tracks[row.stored.instance.sop_instance_uid] = Track(
            state=row.state,
            routes=tuple(sorted({one.route for one in own})),
            sinks={one.sink: one.state for one in own},
        )
    return tracks


def collect(
    objects: Sequence[DemoObject], answers: Mapping[str, str], tracks: Mapping[str, Track], scene: Scene
) -> tuple[Result, ...]:
    """Compare what was sent with what lies at each destination."""
    found = {sink: arrivals(scene.arrivals_at(sink)) for sink in SINKS}
    results = []
    for item in objects:
        own = tracks.get(item.sop_instance_uid, Track(state="unknown"))
        cells = {
            sink: Cell(
                state=own.sinks.get(sink, ""),
                arrival=_arrival(item, sink, found[sink].get(item.sop_instance_uid)),
            )
            for sink in SINKS
        }
        answer = answers.get(item.name, "not sent")
        results.append(Result(item=item, answer=answer, routes=own.routes, cells=cells))
    return tuple(results)


def _arrival(item: DemoObject, sink: str, path: Path | None) -> Arrival:
    if sink not in expected_sinks(item):
        return Arrival.NOT_ROUTED if path is None else Arrival.UNEXPECTED
    if sink == TEACHING:
        return compare_edited(item, path, put=EDIT_PUT, removed=EDIT_REMOVED)
    return compare_bytes(item, path)
