"""What processes made durable and could not tell the queue any more, because they died.

Every file in the spool of a process that is dead has a row after this: nothing that was acknowledged stays
unseen, and nothing is deleted. By itself goes on what its process received at most ten minutes before the
last row that it added, or at all if it added none; what is older, or older than the queue itself, may be
a restored backup or have belonged to a queue that was lost: it is held, because sending it again is for a
person to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import attrs

from hilum_core.clock import microseconds
from hilum_core.crash_points import reach
from hilum_core.incarnation import is_live
from hilum_core.log import describe_exception, get_logger
from hilum_core.queue.errors import QueueUnavailable
from hilum_core.queue.mark import is_behind
from hilum_core.queue.store import QueueStore
from hilum_core.spool.errors import SpoolDamage
from hilum_core.spool.file_format import verify
from hilum_core.spool.ids import incarnation_of, received_us
from hilum_core.spool.records import StoredObject
from hilum_core.spool.spool import Spool

FOUND = "found without a record"
_MARGIN_US = timedelta(minutes=10) // timedelta(microseconds=1)
_AT_ONCE = 500

_log = get_logger("reconcile")


@attrs.frozen(kw_only=True)
class Reconciled:
    """What was found: objects queued, objects held for a person, files set aside, files left unread."""

    received: int = 0
    held: int = 0
    incomplete: int = 0
    unreadable: int = 0

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
            unreadable=self.unreadable + other.unreadable,
        )


def reconcile(spool: Spool, queue: QueueStore) -> Reconciled:
    """Give a row to every complete file that has none, and set incomplete ones aside.

    A file of a process that lives is in progress and is left alone.

    Raises
    ------
    QueueUnavailable
        The queue is an older copy that nobody has looked at yet: it would take for new what it has forgotten.
    """
    reach("reconcile.begun")
    if is_behind(spool.root, queue):
        raise QueueUnavailable("the queue is older than its state directory, and was not looked at yet")
    look = _Look(spool, queue)
    total = Reconciled()
    for hour in spool.hours():
        ids = sorted(spool.ids_of_hour(hour))
        for start in range(0, len(ids), _AT_ONCE):
            total += look.adopt(hour, ids[start : start + _AT_ONCE])
    return total


class _Look:
    """One look through the spool for files that belong to nobody: of a dead process, without a row."""

    def __init__(self, spool: Spool, queue: QueueStore) -> None:
        self._spool = spool
        self._queue = queue
        self._trusted_since_us = microseconds(queue.trusted_since())
        self._is_live: dict[int, bool] = {}
        self._last_row_us: dict[int, int] = {}

    def adopt(self, hour: Path, ids: Sequence[str]) -> Reconciled:
        """Judge some files of an hour, in order of reception."""
        # Liveness first: a process that is dead here adds no row after we look for rows.
        left_behind = [object_id for object_id in ids if self._is_dead(object_id)]
        known = self._queue.known_objects(left_behind)
        fresh: list[StoredObject] = []
        old: list[StoredObject] = []
        incomplete = unreadable = 0
        for object_id in left_behind:
            if object_id in known:
                continue
            path = self._spool.path_in_hour(hour, object_id)
            try:
                stored = verify(path)
            except SpoolDamage as damage:
                incomplete += self._set_aside(path, damage)
            except OSError as error:
                _log.error(
                    "cannot read a file of the spool", object=object_id, reason=describe_exception(error)
                )
                unreadable += 1
            else:
                (fresh if self._is_fresh(object_id) else old).append(stored)
        added = self._add(fresh, old) if fresh or old else Reconciled()
        return added + Reconciled(incomplete=incomplete, unreadable=unreadable)

    def _add(self, fresh: Sequence[StoredObject], old: Sequence[StoredObject]) -> Reconciled:
        reach("reconcile.judged")
        added = Reconciled(
            received=self._queue.add_objects(fresh) if fresh else 0,
            held=self._queue.add_objects(old, found=FOUND) if old else 0,
        )
        reach("reconcile.adopted")
        return added

    def _is_dead(self, object_id: str) -> bool:
        number = incarnation_of(object_id)
        if number not in self._is_live:
            self._is_live[number] = is_live(self._spool.root, number)
        return not self._is_live[number]

    def _is_fresh(self, object_id: str) -> bool:
        """Whether the object goes on by itself."""
        at_us = received_us(object_id)
        number = incarnation_of(object_id)
        if number not in self._last_row_us:
            # Asked for the first, hence oldest, of its files only: rows before that do not matter.
            last = self._queue.last_object_id(beside=object_id)
            self._last_row_us[number] = received_us(last) if last else 0
        return at_us >= max(self._trusted_since_us, self._last_row_us[number] - _MARGIN_US)

    def _set_aside(self, path: Path, damage: SpoolDamage) -> bool:
        try:
            is_there = self._spool.set_aside(path)
        except OSError as error:
            _log.error("cannot set a damaged file aside", file=path.name, reason=describe_exception(error))
            return False
        if is_there:
            reach("reconcile.set_aside")
            _log.warning("set a file of the spool aside", reason=damage.message)
        return is_there
