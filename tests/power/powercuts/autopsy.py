"""What a power cut left, looked at before anything is started on it: is every promise kept?"""

from __future__ import annotations

from pathlib import Path

import apsw
import attrs

from hilum_core.incarnation import Incarnation
from hilum_core.queue import QUEUE_FILE, SqliteQueue, reconcile
from hilum_core.queue.records import ObjectRow
from hilum_core.spool import Spool, SpoolDamage, verify
from powercuts.recording import Recording

_ALL = 1_000_000
_WITHOUT_BYTES = ("purging", "purged")


@attrs.frozen(kw_only=True)
class Findings:
    """What one power cut did. ``broken`` has a line for each promise that it broke."""

    found: int
    half: int
    broken: tuple[str, ...]


def examine(recording: Recording, at: int) -> Findings:
    """Reconcile what is mounted, and hold it against what was promised by that moment."""
    state_dir = recording.state_dir
    incarnation = Incarnation.claim(state_dir, "receive")
    spool = Spool(state_dir, incarnation.number)
    queue = SqliteQueue.open(state_dir / QUEUE_FILE, incarnation.number)
    try:
        found = reconcile(spool, queue)
        look = _Look(recording, at, spool, queue)
        return Findings(
            found=found.received + found.held,
            half=found.incomplete,
            broken=(*_unsound(state_dir / QUEUE_FILE), *look.objects(), *look.files(), *look.deliveries()),
        )
    finally:
        queue.close()
        incarnation.close()


class _Look:
    """Each part gives a line for each promise that is broken."""

    def __init__(self, recording: Recording, at: int, spool: Spool, queue: SqliteQueue) -> None:
        self._recording = recording
        self._at = at
        self._spool = spool
        self._queue = queue
        self.due = recording.due(at)
        self._rows = queue.list_objects(states=(), limit=_ALL)

    def objects(self) -> list[str]:
        """What was acknowledged has a row."""
        known = {row.stored.instance.sop_instance_uid for row in self._rows}
        return [f"{uid}: acknowledged, and lost" for uid in sorted(self.due - known)]

    def files(self) -> list[str]:
        """What a row promises is whole on the disk; what is there without a row, or half, is aside."""
        broken = [text for row in self._rows if (text := self._file_of(row))]
        known = {row.stored.instance.id for row in self._rows}
        for hour in self._spool.hours():
            left = set(self._spool.ids_of_hour(hour)) - known
            broken += [f"{object_id}: in the spool without a row" for object_id in sorted(left)]
        return broken

    def _file_of(self, row: ObjectRow) -> str:
        instance = row.stored.instance
        if row.state in _WITHOUT_BYTES:
            late = [
                sink
                for sink in self._recording.destinations
                if not self._had(sink, instance.sop_instance_uid)
            ]
            return f"{instance.id}: purged, but not delivered to {', '.join(late)}" if late else ""
        try:
            whole = verify(self._spool.locate(instance.id))
        except SpoolDamage as damage:
            return f"{row.state}, but {damage.message}"
        return "" if whole == row.stored else f"{instance.id}: its row and its file differ"

    def deliveries(self) -> list[str]:
        """What is recorded as delivered had been delivered."""
        uids = {row.stored.instance.id: row.stored.instance.sop_instance_uid for row in self._rows}
        return [
            f"{row.object_id}: recorded as delivered to {row.sink}, which had not got it"
            for row in self._queue.list_deliveries(states=("delivered",), limit=_ALL)
            if not self._had(row.sink, uids[row.object_id])
        ]

    def _had(self, sink: str, uid: str) -> bool:
        return self._recording.destinations[sink].arrived.get(uid, self._at + 1) <= self._at


def _unsound(path: Path) -> list[str]:
    connection = apsw.Connection(str(path))
    try:
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchall()[0]
    finally:
        connection.close()
    return [] if verdict == "ok" else [f"the queue is damaged: {verdict}"]
