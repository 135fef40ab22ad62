"""Where a test ends a process by SIGKILL: between two steps, which is where a crash does harm or none.

The environment names a folder in ``HILUM_CRASH_POINTS``. A point is armed by a file of its name in there,
empty or a JSON object with the fields of `Order`. The process that reaches the point renames the file to
``NAME.reached`` and is gone; whoever comes after goes on. So a point kills once, may be armed while the
router runs, and leaves a proof that it was reached. Without the variable a point costs a call and a
comparison, 20 ns.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from hilum_sdk import HilumError

VARIABLE: Final = "HILUM_CRASH_POINTS"

POINTS: Final[Mapping[str, str]] = {
    "receive.begun": "the file of an object is made, and empty",
    "receive.written": "a stretch of the data set is written, there may be more",
    "receive.sealed": "the seal is written, nothing is synced",
    "receive.synced": "the object is on stable storage, the queue has not heard of it, nobody is answered",
    "receive.submitted": "the queue is to be told, and perhaps was; the sender is not answered",
    "receive.answered": "the sender is answered, perhaps before the queue has the row",
    "receive.inserting": "a group of objects is on stable storage, senders have answers, there are no rows",
    "receive.inserted": "a group of rows is committed, ROUTE was not told",
    "reconcile.begun": "RECEIVE is about to look for what the dead left behind",
    "reconcile.set_aside": "a file that is not whole is in `incomplete`",
    "reconcile.judged": "whole files without a row are found, their rows not committed",
    "reconcile.adopted": "their rows are committed, ROUTE was not told",
    "leases.recovered": "a coordinator has put back what its forerunner had leased",
    "route.claimed": "objects are leased, no worker has them",
    "route.worker.begun": "a worker said that it begins an object",
    "route.worker.decided": "a worker decided, and has not said what",
    "route.decided": "the coordinator heard decisions, and has not stored them",
    "route.stored": "decisions are stored, what is settled was not moved, RENDER and DELIVER were not told",
    "render.claimed": "renderings are leased, no worker has them",
    "render.worker.begun": "a worker said that it begins a rendering",
    "render.worker.writing": "a part of the rendering is written, beside its place",
    "render.worker.synced": "the rendering is on stable storage, beside its place",
    "render.worker.in_place": "the rendering is in its place, the coordinator was not told",
    "render.made": "the coordinator heard of renderings, and has not stored that they are there",
    "render.stored": "the renderings are known to be there, DELIVER was not told",
    "deliver.claimed": "deliveries are leased, no worker has them",
    "deliver.worker.begun": "a worker said that it begins a delivery",
    "deliver.worker.sending": "a part of an object has left over an association",
    "deliver.worker.sent": "the destination has the object, the coordinator was not told",
    "deliver.sent": "the coordinator heard of deliveries, and has not stored them",
    "deliver.stored": "deliveries are stored, no file of what is settled by them was moved",
    "settle.moved": "a file of what is settled is in `settled/`, others may not be",
    "purge.marked": "objects are `purging`, all their files are there",
    "purge.unlinked": "the file of one of them is gone, its renderings and the others are there",
    "purge.removed": "all their files are gone, they are still `purging`",
    "purge.stored": "they are `purged`",
    "worker.beat": "a plugin is in the middle of something long, such as writing a file",
    "stage.drained": "a stage that leaves has its workers' last outcomes, and has not stored them",
    "config.written": "a new revision is on stable storage, beside its place",
    "config.accepted": "a new revision is in its place, the stages run with the old one",
    "supervisor.replacing": "the stages were told to leave, those of the new revision are not started",
    "supervisor.started": "a stage is started, others may not be",
}
"""Every point, and what has happened when it is reached."""

_REACHED = ".reached"
_GROUP = "HILUM_CRASH_GROUP"
"""Tells all processes of a router the group of its supervisor: each worker leads one of its own."""

_folder = os.environ.get(VARIABLE)
_times: Counter[str] = Counter()


class CrashPointsError(HilumError):
    """Points are armed that there are not, or in a way that would end more than the router."""


@attrs.frozen(kw_only=True)
class Order:
    """How a point kills: at the `nth` time that one process reaches it, this process or the whole router.

    ``lingers_s``: the thread stays at the point for so long, while all others go on.
    """

    nth: int = 1
    whole_router: bool = False
    lingers_s: float = 0.0


def reach(point: str) -> None:
    """Say that a point of `POINTS` is reached: this process ends here if the point is armed."""
    if _folder is not None:
        _reached(Path(_folder), point)


def arm(folder: Path, point: str, order: Order = Order()) -> None:
    """Have the next process that reaches `point` die there; `folder` is what the variable names."""
    _reached_file(folder, point).unlink(missing_ok=True)
    beside = folder / f".{point}"
    beside.write_text(json.dumps(attrs.asdict(order)), encoding="utf-8")
    beside.replace(folder / point)


def disarm(folder: Path, point: str) -> bool:
    """Let everybody pass again; whether the point was still armed."""
    try:
        (folder / point).unlink()
    except FileNotFoundError:
        return False
    return True


def was_reached(folder: Path, point: str) -> bool:
    """Whether a process has died at the point since it was armed."""
    return _reached_file(folder, point).exists()


def look_at_start() -> Path | None:
    """Find the folder whose points are armed, or may be while the router runs; None where there is none.

    Raises
    ------
    CrashPointsError
        It is no folder, names a point that there is not, or this process does not lead its group.
    """
    if _folder is None:
        return None
    folder = Path(_folder)
    if not folder.is_dir():
        raise CrashPointsError(f"{VARIABLE}: {folder} is no folder; make it, or unset the variable")
    for path in folder.iterdir():
        if path.name.removeprefix(".").removesuffix(_REACHED) not in POINTS:
            raise CrashPointsError(
                f"{VARIABLE}: {path} names no crash point; hilum_core/crash_points.py lists all"
            )
    if os.getpgrp() != os.getpid():
        raise CrashPointsError(
            f"{VARIABLE}: the router must lead a process group, because a point may end all of it; "
            f"start it by setsid"
        )
    os.environ[_GROUP] = str(os.getpgrp())
    return folder


def _reached(folder: Path, point: str) -> None:
    assert point in POINTS
    armed = folder / point
    try:
        order = Order(**json.loads(armed.read_text(encoding="utf-8") or "{}"))
        _times[point] += 1
        if _times[point] < order.nth:
            return
        armed.rename(_reached_file(folder, point))
    except FileNotFoundError:  # it is not armed, or somebody else was faster
        return
    time.sleep(order.lingers_s)
    if order.whole_router:
        os.killpg(int(os.environ.get(_GROUP, "0")), signal.SIGKILL)  # workers die with their coordinators
    os.kill(os.getpid(), signal.SIGKILL)


def _reached_file(folder: Path, point: str) -> Path:
    return folder / f"{point}{_REACHED}"
