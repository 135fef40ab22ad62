"""UIDs that stand for others: one mapping for all attributes, so that references still lead somewhere."""

from __future__ import annotations

import hmac
import re

# PS3.5 9.1 and Annex A: these name parts of the standard, never an instance.
_OF_THE_STANDARD = re.compile(rb"1\.2\.840\.10008(?:\.[0-9]+)*")
_MOST_LENGTH = 64  # PS3.5 9.1

_VERSION = 8 << 76
_VARIANT = 2 << 62
_RANDOM_BITS = (1 << 128) - 1 & ~(0xF << 76) & ~(0x3 << 62)


class UidMap:
    """Replaces UIDs, each by the one that the key makes of it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def replaced(self, value: bytes) -> bytes:
        r"""Replace an encoded value of VR UI.

        Parameters
        ----------
        value
            With its padding, by NUL or by spaces; several UIDs are separated by backslashes.

        Returns
        -------
        The new value, unpadded: for each UID a UUID of version 8 (RFC 9562 5.8) under 2.25 (PS3.5
        B.2). What is no UID gets one, too. What is empty, or stands under 1.2.840.10008, stays.
        """
        if b"\\" not in value:
            return self._one(value)
        return b"\\".join(map(self._one, value.split(b"\\")))

    def _one(self, value: bytes) -> bytes:
        uid = value.strip(b" \0")
        if not uid or (_OF_THE_STANDARD.fullmatch(uid) and len(uid) <= _MOST_LENGTH):
            return uid
        number = int.from_bytes(hmac.digest(self._key, uid, "sha256")[:16])
        return b"2.25.%d" % (number & _RANDOM_BITS | _VERSION | _VARIANT)
