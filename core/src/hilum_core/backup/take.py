"""Takes a backup, beside a running router: neither waits for the other."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tomli

from hilum_core import revisions
from hilum_core.backup.manifest import MANIFEST, BackupError, Manifest, digest_of
from hilum_core.filesystem import make_durable
from hilum_core.incarnation import PRIVATE_DIR, last_incarnation
from hilum_core.queue import QUEUE_FILE
from hilum_core.queue.copying import copy_queue

CONFIG_FILE = "hilum.toml"
REVISIONS = "config"
_REFERENCES = frozenset({"env", "file"})


def take_backup(state_dir: Path, config_path: Path | None, folder: Path) -> Manifest:
    """Put queue, revisions and config into a new or empty folder.

    Of secrets, certificates and keys only the names are told: what the config refers to is not copied.

    Raises
    ------
    BackupError
        The folder is not empty, or there is no queue.
    QueueUnavailable, QueueDamaged
        The queue cannot be read.
    """
    if not (state_dir / QUEUE_FILE).is_file():
        raise BackupError(f"{state_dir}: no router has worked here yet (it has no {QUEUE_FILE})")
    folder.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise BackupError(f"{folder}: is not empty; name a new folder for each backup")
    folder.chmod(PRIVATE_DIR)
    os.umask(0o077)
    copied = copy_queue(state_dir / QUEUE_FILE, folder / QUEUE_FILE)
    names = [QUEUE_FILE, *_copy_revisions(state_dir, folder)]
    text = ""
    if config_path is not None:
        text = config_path.read_text(encoding="utf-8")
        (folder / CONFIG_FILE).write_text(text, encoding="utf-8")
        names.append(CONFIG_FILE)
    revision = revisions.latest(state_dir)
    manifest = Manifest(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        hilum_version=version("hilum-core"),
        queue_version=copied.version,
        revision=revision,
        incarnation=last_incarnation(state_dir),
        mark=copied.mark,
        references=tuple(_references(text or (revisions.read(state_dir, revision) if revision else ""))),
        files={name: digest_of(folder / name) for name in names},
    )
    manifest.write(folder)
    for path in (*map(folder.joinpath, (*names, REVISIONS, MANIFEST)), folder, folder.parent):
        make_durable(path)
    return manifest


def _copy_revisions(state_dir: Path, folder: Path) -> Iterator[str]:
    (folder / REVISIONS).mkdir(mode=PRIVATE_DIR)
    for path in sorted((state_dir / REVISIONS).glob("*.toml")):
        if path.stem.isdigit():
            (folder / REVISIONS / path.name).write_bytes(path.read_bytes())
            yield f"{REVISIONS}/{path.name}"


def _references(text: str) -> list[str]:
    """What a config names outside itself: ``file /etc/hilum/key.pem``, ``env HILUM_TRIAL_7``; no values."""
    try:
        document = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return []
    return sorted(set(_found(document)))


def _found(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _REFERENCES and isinstance(item, str) and len(value) == 1:
                yield f"{key} {item}"
            elif isinstance(item, str) and key in {"certificate", "key", "ca"}:
                yield f"file {item}"
            else:
                yield from _found(item)
    elif isinstance(value, list):
        for item in value:
            yield from _found(item)
