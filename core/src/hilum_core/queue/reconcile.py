"""At the start of a receive process: what earlier ones made durable and could not tell the queue any more.

Bounded: only the hours since the last row are looked at, and only what came at most ten minutes before
that row is queued by itself. Whatever is older may be a restored backup, and sending it again is for a
person to decide. Nothing is deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import attrs

from hilum_core.clock import microseconds
from hilum_core.incarnation import is_live, live_incarnations
from hilum_core.queue.store import QueueStore
from hilum_core.spool.errors import SpoolDamage
from hilum_core.spool.file_format import verify
from hilum_core.spool.ids import incarnation_of, received_us
from hilum_core.spool.records import StoredObject
from hilum_core.spool.spool import Spool

FOUND = "found without a record"
_MARGIN_US = timedelta(minutes=10) // timedelta(microseconds=1)
_AT_ONCE = 500


@attrs.frozen(kw_only=True)
class Reconciled:
    """What was found: objects queued, objects held for a person, files set aside as incomplete."""

    received: int = 0
    held: int = 0
    incomplete: int = 0

    @property
    def is_anything(self) -> bool:
        """Whether there was anything to do."""
        return self != Reconciled()

    def fields(self) -> dict[str, int]:
        """For a line of the log."""
        return attrs.asdict(self)

    def __add__(self, other: Reconciled) -> Reconciled:
        return Reconciled(
            received=self.received + other.received,
            held=self.held + other.held,
            incomplete=self.incomplete + other.incomplete,
        )


def reconcile(spool: Spool, queue: QueueStore, *, everything: bool = False) -> Reconciled:
    """Give a row to every complete file that has none, and set incomplete ones aside.

    A file of a process that lives is in progress and is left alone.

    Parameters
    ----------
    everything
        Look at all hours, and hold all that is found: the rebuilding of a lost queue.
    """
    # What a process that lives has received since it started says nothing of where the dead ones ended.
    last = queue.last_object_id(without=live_incarnations(spool.root))
    # A queue without a row counts from when it was made: what is older belongs to one that was lost.
    since_us = (received_us(last) if last else microseconds(queue.created_at())) - _MARGIN_US
    orphans = _Orphans(spool, queue)
    total = Reconciled()
    for hour in spool.hours(None if everything else since_us):
        files = sorted(spool.files_of_hour(hour).items())
        for start in range(0, len(files), _AT_ONCE):
            total += orphans.adopt(files[start : start + _AT_ONCE], None if everything else since_us)
    return total


class _Orphans:
    """Files that belong to nobody: of a dead process, without a row."""

    def __init__(self, spool: Spool, queue: QueueStore) -> None:
        self._spool = spool
        self._queue = queue
        self._is_live: dict[int, bool] = {}

    def adopt(self, files: Sequence[tuple[str, Path]], since_us: int | None) -> Reconciled:
        """Judge some files; those received before `since_us`, or all where it is None, are held."""
        # Liveness first: a process that is dead here adds no row after we look for rows.
        left_behind = [(object_id, path) for object_id, path in files if self._is_dead(object_id)]
        known = self._queue.known_objects([object_id for object_id, _ in left_behind])
        fresh: list[StoredObject] = []
        old: list[StoredObject] = []
        incomplete = 0
        for object_id, path in left_behind:
            if object_id in known:
                continue
            try:
                stored = verify(path)
            except SpoolDamage:
                incomplete += self._spool.set_aside(path)
            else:
                is_fresh = since_us is not None and received_us(object_id) >= since_us
                (fresh if is_fresh else old).append(stored)
        return Reconciled(
            received=self._queue.add_objects(fresh) if fresh else 0,
            held=self._queue.add_objects(old, found=FOUND) if old else 0,
            incomplete=incomplete,
        )

    def _is_dead(self, object_id: str) -> bool:
        number = incarnation_of(object_id)
        if number not in self._is_live:
            self._is_live[number] = is_live(self._spool.root, number)
        return not self._is_live[number]
