"""The keys that one secret of a project makes, one for each purpose (HKDF-SHA256, RFC 5869)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Self

import attrs

FEWEST_BYTES = 16
"""A secret with fewer could be guessed: 128 bits are what an identity has, too."""

_HASH = "sha256"
_KEY_BYTES = hashlib.new(_HASH).digest_size


@attrs.frozen(kw_only=True, repr=False)
class Keys:
    """One key for each purpose, so that what is known of one tells nothing of the others."""

    uids: bytes
    dates: bytes
    subjects: bytes

    @classmethod
    def of(cls, secret: bytes) -> Self:
        """Make the keys of a project's secret.

        Raises
        ------
        ValueError
            The secret is shorter than 16 bytes. It is not quoted.
        """
        if len(secret) < FEWEST_BYTES:
            raise ValueError(
                f"the secret is shorter than {FEWEST_BYTES} bytes and could be guessed; make one by"
                " `openssl rand -hex 32`, and keep it: without it no later object agrees with earlier ones"
            )
        # The labels are part of every identity ever given out: they never change.
        return cls(
            **{
                purpose: derived(secret, info=b"hilum deidentify 1 " + purpose.encode())
                for purpose in ("uids", "dates", "subjects")
            }
        )


def derived(secret: bytes, *, info: bytes, salt: bytes = b"", length: int = _KEY_BYTES) -> bytes:
    """Derive a key by HKDF-SHA256 (RFC 5869 2.2 and 2.3); an empty salt is that of the RFC, zeros."""
    key = hmac.digest(salt or bytes(_KEY_BYTES), secret, _HASH)
    block = made = b""
    for number in range(1, -(-length // _KEY_BYTES) + 1):
        block = hmac.digest(key, block + info + bytes((number,)), _HASH)
        made += block
    return made[:length]
