"""What a backup says of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import attrs

from hilum_sdk import HilumError

MANIFEST = "manifest.json"
FORMAT = 1
_CHUNK = 1 << 20


class BackupError(HilumError):
    """A backup cannot be made or used; the message says why and what to do."""


@attrs.frozen(kw_only=True)
class Manifest:
    """The content of a backup: ``files`` with their SHA-256, ``references`` what the config refers to."""

    format: int = FORMAT
    made_at: str
    hilum_version: str
    queue_version: int
    revision: int
    incarnation: int
    mark: int
    references: tuple[str, ...]
    files: Mapping[str, str]

    @property
    def made(self) -> datetime:
        """When it was made; aware UTC."""
        return datetime.fromisoformat(self.made_at)

    def write(self, folder: Path) -> None:
        """Write it into the folder of the backup."""
        (folder / MANIFEST).write_text(json.dumps(attrs.asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read it, and see that every file is what it was.

        Raises
        ------
        BackupError
            The folder holds no backup, one of another format, or one whose files were changed.
        """
        try:
            told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            found = cls(**{**told, "references": tuple(told["references"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BackupError(f"{folder}: holds no backup that can be read ({MANIFEST})") from error
        if found.format != FORMAT:
            raise BackupError(f"{folder}: has format {found.format}, this release reads {FORMAT}")
        for name, digest in found.files.items():
            if not (folder / name).is_file() or digest_of(folder / name) != digest:
                raise BackupError(f"{folder / name}: is not what was backed up; use another backup")
        return found


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
