"""What goes wrong, and when: chosen by a seed, so that a run can be had again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from enum import Enum

import attrs

from hilum_core.crash_points import POINTS

MODULES = (
    "receive",
    "route",
    "route.worker",
    "render",
    "render.worker",
    "deliver",
    "deliver.worker",
    "retain",
)
"""The processes of a router but for its supervisor, by what they run."""


class Kind(Enum):
    """What a fault does."""

    PROCESS = "one process is killed"
    POINT = "the next process that reaches a crash point is killed there"
    ROUTER_AT_POINT = "all processes are killed when one reaches a crash point"
    SUPERVISOR = "the supervisor is killed"
    ROUTER = "all processes are killed"
    RELOAD = "a new config is taken"
    DESTINATION = "a destination is ended, or started again"


_WEIGHTS = {
    Kind.PROCESS: 50,
    Kind.POINT: 22,
    Kind.ROUTER_AT_POINT: 5,
    Kind.SUPERVISOR: 5,
    Kind.ROUTER: 5,
    Kind.RELOAD: 5,
    Kind.DESTINATION: 8,
}


@attrs.frozen(kw_only=True)
class Fault:
    """One fault: ``after_s`` behind the one before, at a process or point called ``where``.

    ``pick``, from 0 to 1, says which of several processes of that name.
    """

    after_s: float
    kind: Kind
    where: str
    pick: float


def faults(seed: int, pace_s: float) -> Iterator[Fault]:
    """Faults without end, one every `pace_s` on average."""
    dice = random.Random(seed)
    points = list(POINTS)
    while True:
        (kind,) = dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        places = {Kind.PROCESS: MODULES, Kind.POINT: points, Kind.ROUTER_AT_POINT: points}.get(kind, [""])
        yield Fault(
            after_s=dice.uniform(0.4, 1.6) * pace_s, kind=kind, where=dice.choice(places), pick=dice.random()
        )
