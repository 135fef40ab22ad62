"""Digests that are equal for objects of one patient and tell nobody who it is."""

from __future__ import annotations

import hashlib
import os
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
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_bytes()
            if len(secret) == _KEY_BYTES:
                return cls(secret)
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC)  # an earlier run was cut off in this very place
        secret = os.urandom(_KEY_BYTES)
        with os.fdopen(fd, "wb") as out:
            out.write(secret)
            out.flush()
            os.fsync(out.fileno())
        return cls(secret)

    def key(self, patient_id: str, issuer: str) -> str:
        """The key of a patient, 16 hexadecimal digits; empty where the object names none."""
        if not patient_id:
            return ""
        text = f"{issuer}\0{patient_id}".encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=8).hexdigest()
