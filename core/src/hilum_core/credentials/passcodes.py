"""Passcodes of users: how they are hashed, kept, and compared (PS3.7 D.3.3.7).

A hash is made by scrypt (RFC 7914) and takes 16 MiB and some 40 ms, so that who gets hold of it can try few
passcodes. The same holds for us: one is computed at a time, and a passcode that was right is known again
without. What is kept for that is a digest under a key that only this process has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import threading
from typing import Final, Self

import attrs

from hilum_core.credentials.contexts import CredentialError
from hilum_sdk.config import Secret

_NAME: Final = "scrypt"
_LOG2_N: Final = 14
_BLOCK: Final = 8
_PARALLEL: Final = 1
_SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_MOST_LOG2_N: Final = 17
_MOST_BLOCK: Final = 16
_MOST_PARALLEL: Final = 4
_LONGEST_WAIT_S: Final = 5.0


class TooManyPasscodes(Exception):  # noqa: N818 - it names a state of the world
    """More callers want their passcode checked than can be; they may come again."""


@attrs.frozen(kw_only=True)
class PasscodeHash:
    """A passcode as it is kept: ``scrypt:14:8:1:SALT:DIGEST``, salt and digest in base 64."""

    log2_n: int = _LOG2_N
    block: int = _BLOCK
    parallel: int = _PARALLEL
    salt: bytes = attrs.field(repr=False)
    digest: bytes = attrs.field(repr=False)

    @classmethod
    def of(cls, passcode: bytes) -> Self:
        """Hash a passcode, with a salt of its own."""
        unfinished = cls(salt=os.urandom(_SALT_BYTES), digest=b"")
        return attrs.evolve(unfinished, digest=unfinished.compute(passcode))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. Raises ValueError, without quoting it, where it is none."""
        words = text.strip().split(":")
        try:
            name, log2_n, block, parallel, salt, digest = words
            read = cls(
                log2_n=int(log2_n),
                block=int(block),
                parallel=int(parallel),
                salt=base64.b64decode(salt, validate=True),
                digest=base64.b64decode(digest, validate=True),
            )
        except (ValueError, binascii.Error):
            raise ValueError("is no hash of a passcode") from None
        if name != _NAME or len(read.digest) != _DIGEST_BYTES or not read.salt or not read.is_affordable:
            raise ValueError("is no hash of a passcode, or not of a kind that this version takes")
        return read

    @property
    def is_affordable(self) -> bool:
        """Whether its parameters are at least today's, and such that a check ends soon."""
        return (
            _LOG2_N <= self.log2_n <= _MOST_LOG2_N
            and _BLOCK <= self.block <= _MOST_BLOCK
            and _PARALLEL <= self.parallel <= _MOST_PARALLEL
        )

    def compute(self, passcode: bytes) -> bytes:
        """Compute the digest of a passcode by the parameters and the salt of this one."""
        n = 1 << self.log2_n
        return hashlib.scrypt(
            passcode,
            salt=self.salt,
            n=n,
            r=self.block,
            p=self.parallel,
            maxmem=2 * 128 * self.block * (n + self.parallel),
            dklen=_DIGEST_BYTES,
        )

    def __str__(self) -> str:
        salt, digest = (base64.b64encode(value).decode() for value in (self.salt, self.digest))
        return f"{_NAME}:{self.log2_n}:{self.block}:{self.parallel}:{salt}:{digest}"


def read_hash(secret: Secret, where: str) -> PasscodeHash:
    """Read a hash by its reference.

    Raises
    ------
    CredentialError
        There is none.
    """
    try:
        return PasscodeHash.parse(secret.reveal())
    except ValueError as error:
        raise CredentialError(
            f"{where}: what it refers to {error}; put there what hilum passcode prints"
        ) from None


class PasscodeCheck:
    """Compares passcodes with hashes. Any thread may ask; those of all callers wait for one another."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._turn = threading.Lock()
        self._known: dict[str, bytes] = {}

    def is_right(self, name: str, passcode: bytes, expected: PasscodeHash) -> bool:
        """Say whether a passcode is the one that was hashed; `name` says whose.

        Raises
        ------
        TooManyPasscodes
            The turn of this one has not come in time.
        """
        known = hmac.digest(self._key, str(expected).encode() + b"\0" + passcode, "sha256")
        if hmac.compare_digest(self._known.get(name, b""), known):
            return True
        if not self._turn.acquire(timeout=_LONGEST_WAIT_S):
            raise TooManyPasscodes
        try:
            is_right = hmac.compare_digest(expected.compute(passcode), expected.digest)
        finally:
            self._turn.release()
        if is_right:
            self._known[name] = known
        return is_right
