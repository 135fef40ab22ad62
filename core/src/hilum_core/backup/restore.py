"""Puts a backup in place of what is there, while no router runs, so that nothing is sent twice by itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import attrs

from hilum_core.backup.manifest import BackupError, Manifest
from hilum_core.backup.take import REVISIONS
from hilum_core.doctor.aside import put_in_place
from hilum_core.filesystem import make_durable
from hilum_core.incarnation import PRIVATE_DIR, lock_state_dir, prepare_state_dir, skip_incarnations
from hilum_core.queue import QUEUE_FILE, SqliteQueue
from hilum_core.queue.admission import newest_object
from hilum_core.queue.mark import read_mark
from hilum_core.queue.records import Distrusted

_BESIDE = "restored.sqlite"
_REVISIONS_BESIDE = "restored.config"
_WORKED_IN = (QUEUE_FILE, "spool", "settled")


@attrs.frozen(kw_only=True)
class Restored:
    """What is in place now: the backup, what of it is held, and where what was there before is."""

    manifest: Manifest
    held: Distrusted
    aside: Path | None


def restore(folder: Path, state_dir: Path, *, replace: bool) -> Restored:
    """Bring queue and revisions back. What the queue had still to send is held: it may have been sent since.

    Files in the spool without a row are held when the router finds them. Interrupted, it can be done again,
    with `replace`; see `put_in_place`.

    Raises
    ------
    BackupError
        There is no sound backup, or the state directory is in use and `replace` is not set.
    StateDirError
        The router runs, or the folder cannot be used.
    QueueUnavailable
        The queue cannot be written.
    """
    manifest = Manifest.read(folder)
    if not replace and any((state_dir / name).exists() for name in _WORKED_IN):
        raise BackupError(
            f"{state_dir}: a router has worked here; --replace moves its queue aside and keeps its objects"
        )
    prepare_state_dir(state_dir)
    lock_state_dir(state_dir)  # held until the process ends
    kept = read_mark(state_dir)
    beside = _copy_beside(folder, manifest, state_dir)
    queue = SqliteQueue.open(beside[QUEUE_FILE])
    try:
        reason = f"from the backup of {manifest.made:%Y-%m-%d %H:%M}Z; this may have been sent since"
        held = queue.distrust(reason, received_until=newest_object(state_dir))
        mark = queue.advance_mark(after=max(kept, manifest.mark))
    finally:
        queue.close()
    skip_incarnations(state_dir, manifest.incarnation)
    aside = put_in_place(state_dir, beside, mark)
    return Restored(manifest=manifest, held=held, aside=aside)


def _copy_beside(folder: Path, manifest: Manifest, state_dir: Path) -> Mapping[str, Path]:
    """Copy what the manifest names, in place of what a restore that was interrupted left."""
    beside = {QUEUE_FILE: state_dir / _BESIDE, REVISIONS: state_dir / _REVISIONS_BESIDE}
    for file in state_dir.glob(f"{_BESIDE}*"):
        file.unlink()
    shutil.rmtree(beside[REVISIONS], ignore_errors=True)
    beside[REVISIONS].mkdir(mode=PRIVATE_DIR)
    for name in manifest.files:
        if name == QUEUE_FILE:
            shutil.copyfile(folder / name, beside[name])
        elif Path(name).parent.name == REVISIONS:
            shutil.copyfile(folder / name, beside[REVISIONS] / Path(name).name)
            make_durable(beside[REVISIONS] / Path(name).name)
    make_durable(beside[REVISIONS])
    return beside
