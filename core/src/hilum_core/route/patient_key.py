"""Digests that are equal for objects of one patient and tell nobody who it is."""

from __future__ import annotations

import fcntl
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
        """Read the router's secret, making it at first use; workers that start together agree on one."""
        descriptor = os.open(state_dir / "patient.key", os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            secret = file.read()
            if len(secret) != _KEY_BYTES:  # new, or cut off; an empty key would protect nobody
                secret = os.urandom(_KEY_BYTES)
                file.seek(0)
                file.truncate()
                file.write(secret)
                file.flush()
                os.fsync(file.fileno())
        return cls(secret)

    def key(self, patient_id: str, issuer: str) -> str:
        """The key of a patient, 16 hexadecimal digits; empty where the object names none."""
        if not patient_id:
            return ""
        text = f"{issuer}\0{patient_id}".encode()
        return hashlib.blake2b(text, key=self._secret, digest_size=8).hexdigest()
