"""Whether the user that a caller names is the one that its peer must give (PS3.7 D.3.3.7)."""

from __future__ import annotations

import hmac

import attrs

from hilum_core.config import PeerSettings
from hilum_core.credentials import PasscodeCheck, TooManyPasscodes, read_hash
from hilum_core.dicom.negotiation import (
    IDENTITY_TYPES,
    USERNAME,
    USERNAME_AND_PASSCODE,
    UserIdentity,
)
from hilum_core.dicom.reception import LIMIT_EXCEEDED, USER_NOT_VERIFIED, Rejection
from hilum_sdk import ConfigError


@attrs.frozen
class UserCheck:
    """What a peer's user must be. Called with the identity that a request has, if any."""

    name: str
    peer: PeerSettings
    passcodes: PasscodeCheck

    def __call__(self, identity: UserIdentity | None) -> Rejection | None:
        """Say why the user is not taken, to the operator; the caller learns that it is not."""
        if identity is None:
            return _because("it names no user")
        if identity.type not in {USERNAME, USERNAME_AND_PASSCODE}:
            kind = IDENTITY_TYPES.get(identity.type, f"an identity of type {identity.type}")
            return _because(f"it gives {kind}, of which this router takes none")
        expected = (self.peer.user or "").encode()
        if not hmac.compare_digest(identity.primary, expected):
            return _because(f"it names another user than peers.{self.name}.user")
        if self.peer.passcode_hash is None:
            return None
        if identity.type == USERNAME:
            return _because("it gives no passcode")
        return self._check_passcode(identity.secondary)

    def _check_passcode(self, passcode: bytes) -> Rejection | None:
        assert self.peer.passcode_hash is not None
        where = f"peers.{self.name}.passcode_hash"
        try:
            expected = read_hash(self.peer.passcode_hash, where)
            if self.passcodes.is_right(self.name, passcode, expected):
                return None
        except ConfigError as error:
            return _because(error.message)
        except TooManyPasscodes:
            return attrs.evolve(LIMIT_EXCEEDED, text="too many passcodes to check at a time")
        return _because("its passcode is wrong")


def _because(text: str) -> Rejection:
    return attrs.evolve(USER_NOT_VERIFIED, text=f"{USER_NOT_VERIFIED.text}: {text}")
