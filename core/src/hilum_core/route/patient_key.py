"""Digests that are equal for objects of one patient and tell nobody who it is."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

_KEY_BYTES = 32


class PatientKeys:
    """Makes patient keys with a secret of this router, so that no list of patient IDs can undo them."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def of(cls, state_dir: Path) -> PatientKeys:
        """Read the router's secret, making it at first use."""
        path = state_dir / "patient.key"
        if not path.exists():
            _make(path)
        return cls(path.read_bytes())

    def key(self, patient_id: str, issuer: str) -> str:
        """The key of a patient, 16 hexadecimal digits; empty where the object names none."""
        if not patient_id:
            return ""
        text = f"{issuer}\0{patient_id}".encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=8).hexdigest()


def _make(path: Path) -> None:
    """Make a secret, unless another worker is faster: it appears whole, synced, and once for all."""
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(os.urandom(_KEY_BYTES))
        out.flush()
        os.fsync(out.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(beside)
    beside.unlink()
