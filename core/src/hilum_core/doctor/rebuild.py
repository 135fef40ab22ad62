"""`hilum doctor --rebuild`: a new queue from the files of the objects, which tell of themselves.

What is found is held, whatever the queue before said: it may have been sent. What can still be read of that
queue, and of those that lie aside, is only shown, as a part of the reason, so that a person can tell what was
delivered from what was not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from hilum_core.doctor.aside import put_in_place, queues_aside
from hilum_core.incarnation import lock_state_dir, prepare_state_dir
from hilum_core.queue import QUEUE_FILE, SqliteQueue
from hilum_core.queue.admission import newest_object
from hilum_core.queue.inspection import sinks_taken
from hilum_core.queue.mark import read_mark
from hilum_core.queue.reconcile import FOUND
from hilum_core.queue.records import HeldFilter, HeldGroup
from hilum_core.spool import SpoolDamage, StoredObject, verify
from hilum_core.spool.layout import Layout, hours, ids_of_hour
from hilum_core.spool.spool import Spool

SETTLED = "; it lay in settled/"
TAKEN = "; by a queue before, it was taken by "
_MADE_BESIDE = "rebuilt.sqlite"
_AT_ONCE = 500


@attrs.frozen(kw_only=True)
class Rebuilt:
    """What became of it: where the queue before is, what is held now, which files are no whole objects."""

    aside: Path | None
    held: Sequence[HeldGroup]
    incomplete: tuple[str, ...]
    damaged: tuple[str, ...]


def rebuild(state_dir: Path) -> Rebuilt:
    """Make a new queue; the router must not run. Interrupted, it can be done again; see `put_in_place`.

    A file of ``spool/`` that is not whole goes to ``spool/incomplete/``; one of ``settled/`` stays.

    Raises
    ------
    StateDirError
        The router runs, or the folder cannot be used.
    QueueUnavailable
        The new queue cannot be written.
    """
    prepare_state_dir(state_dir)
    lock_state_dir(state_dir)  # held until the process ends
    made = state_dir / _MADE_BESIDE
    for file in state_dir.glob(f"{_MADE_BESIDE}*"):
        file.unlink()  # of a rebuild that was interrupted: it holds nothing that is not found again
    kept = read_mark(state_dir)
    queue = SqliteQueue.open(made)
    try:
        queue.distrust(FOUND, received_until=newest_object(state_dir))
        mark = queue.advance_mark(after=kept)
        taken = sinks_taken(*queues_aside(state_dir), state_dir / QUEUE_FILE)
        adoption = _Adoption(Spool(state_dir, 0), queue, taken)
        adoption.adopt_all()
        held = queue.held_groups(HeldFilter())
    finally:
        queue.close()
    aside = put_in_place(state_dir, {QUEUE_FILE: made}, mark)
    return Rebuilt(
        aside=aside, held=held, incomplete=tuple(adoption.incomplete), damaged=tuple(adoption.damaged)
    )


class _Adoption:
    """Gives a row to every whole file, in groups of one reason."""

    def __init__(self, spool: Spool, queue: SqliteQueue, taken: Mapping[str, Sequence[str]]) -> None:
        self._spool = spool
        self._queue = queue
        self._taken = taken
        self.incomplete: list[str] = []
        self.damaged: list[str] = []

    def adopt_all(self) -> None:
        places = Layout(self._spool.root)
        self._adopt_below(places.received, FOUND)
        self._adopt_below(places.settled, FOUND + SETTLED)

    def _adopt_below(self, folder: Path, reason: str) -> None:
        by_reason: dict[str, list[StoredObject]] = {}
        for path in _objects_below(folder, self._spool):
            try:
                stored = verify(path)
            except SpoolDamage:
                self._keep_damaged(path)
                continue
            sinks = self._taken.get(stored.instance.id, ())
            why = f"{reason}{TAKEN}{', '.join(sinks)}" if sinks else reason
            group = by_reason.setdefault(why, [])
            group.append(stored)
            if len(group) == _AT_ONCE:
                self._queue.add_objects(by_reason.pop(why), found=why)
        for why, group in by_reason.items():
            self._queue.add_objects(group, found=why)

    def _keep_damaged(self, path: Path) -> None:
        if path.is_relative_to(Layout(self._spool.root).received):
            self._spool.set_aside(path)
            self.incomplete.append(path.stem)
        else:
            self.damaged.append(path.stem)


def _objects_below(folder: Path, spool: Spool) -> Iterator[Path]:
    for hour in hours(folder):
        for object_id in sorted(ids_of_hour(hour)):
            yield spool.path_in_hour(hour, object_id)
