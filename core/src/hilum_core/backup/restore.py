"""Puts a backup in place of what is there, while no router runs, so that nothing is sent twice by itself."""

from __future__ import annotations

import shutil
from pathlib import Path

import attrs

from hilum_core.backup.manifest import BackupError, Manifest
from hilum_core.backup.take import REVISIONS
from hilum_core.doctor.aside import move_aside, put_in_place
from hilum_core.incarnation import lock_state_dir, prepare_state_dir, skip_incarnations
from hilum_core.queue import QUEUE_FILE, SqliteQueue
from hilum_core.queue.admission import newest_object
from hilum_core.queue.mark import read_mark, write_mark
from hilum_core.queue.records import Distrusted

_BESIDE = "restored.sqlite"
_WORKED_IN = (QUEUE_FILE, "spool", "settled")


@attrs.frozen(kw_only=True)
class Restored:
    """What is in place now: the backup, what of it is held, and where what was there before is."""

    manifest: Manifest
    held: Distrusted
    aside: Path | None


def restore(folder: Path, state_dir: Path, *, replace: bool) -> Restored:
    """Bring queue and revisions back. What the queue had still to send is held: it may have been sent since.

    Files in the spool without a row are held when the router finds them. Interrupted, it can be done again.

    Raises
    ------
    BackupError
        There is no sound backup, or the state directory is in use and `replace` is not set.
    StateDirError
        The router runs, or the folder cannot be used.
    """
    manifest = Manifest.read(folder)
    if not replace and any((state_dir / name).exists() for name in _WORKED_IN):
        raise BackupError(
            f"{state_dir}: a router has worked here; --replace moves its queue aside and keeps its objects"
        )
    prepare_state_dir(state_dir)
    lock_state_dir(state_dir)  # held until the process ends
    kept = read_mark(state_dir)
    beside = state_dir / _BESIDE
    for file in state_dir.glob(f"{_BESIDE}*"):
        file.unlink()  # of a restore that was interrupted: a copy of the backup
    shutil.copyfile(folder / QUEUE_FILE, beside)
    queue = SqliteQueue.open(beside)
    try:
        reason = f"from the backup of {manifest.made:%Y-%m-%d %H:%M}Z; this may have been sent since"
        held = queue.distrust(reason, received_until=newest_object(state_dir))
        mark = queue.advance_mark(after=max(kept, manifest.mark))
    finally:
        queue.close()
    aside = move_aside(state_dir, f"{QUEUE_FILE}*", REVISIONS)
    skip_incarnations(state_dir, manifest.incarnation)
    if (folder / REVISIONS).is_dir():
        shutil.copytree(folder / REVISIONS, state_dir / REVISIONS)
    put_in_place(beside, state_dir)
    write_mark(state_dir, mark)
    return Restored(manifest=manifest, held=held, aside=aside)
