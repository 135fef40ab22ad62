"""What an answer means for the object or for the whole lane, in words that say what to do.

A table, by code or status; who asks adds what only he knows (see `S3Sink`).
"""

from __future__ import annotations

from enum import Enum

import attrs

from hilum_sink_s3.answers import Answer


class Verdict(Enum):
    """Who is at fault, and for how long."""

    NOTHING = "nobody: there is no such object"
    UNAVAILABLE = "the destination as a whole"
    RIGHTS = "the destination, or this object where others may be stored"
    PASSING = "nobody for long"
    REFUSED = "this object, perhaps for good"
    PERMANENT = "this object, for good"


@attrs.frozen
class Meaning:
    """The verdict, the setting to look at, and the words."""

    verdict: Verdict
    setting: str
    words: str


_KEYS = Meaning(Verdict.UNAVAILABLE, "", "does not accept the keys; look at the credentials of this sink")
_EXPIRED = Meaning(Verdict.UNAVAILABLE, "", "says that the keys have expired; renew them")
_RIGHTS = Meaning(
    Verdict.RIGHTS,
    "url",
    "does not let these keys do that; they need s3:PutObject, and s3:GetObject to compare",
)
_BUCKET = Meaning(Verdict.UNAVAILABLE, "url", "has no such bucket; make it, or correct the URL")
_REGION = Meaning(Verdict.UNAVAILABLE, "region", "has the bucket in another region; set region to it")
_CLASS = Meaning(Verdict.UNAVAILABLE, "storage_class", "knows no such storage class")
_KMS = Meaning(Verdict.UNAVAILABLE, "kms_key", "cannot encrypt with this key; look at the key and its rights")
_CRYPT = Meaning(Verdict.UNAVAILABLE, "encryption", "does not encrypt so; use another encryption or none")
_CLOCK = Meaning(Verdict.UNAVAILABLE, "", "finds that the clocks differ; set that of this machine")
_FULL = Meaning(
    Verdict.UNAVAILABLE, "url", "has no space left for this bucket; free space, or raise its quota"
)
_ABSENT = Meaning(Verdict.NOTHING, "", "has no such object")
_BUSY = Meaning(Verdict.PASSING, "", "cannot take it just now")
_DAMAGED = Meaning(Verdict.PASSING, "", "did not get the bytes as they were sent")
_UNABLE = Meaning(
    Verdict.UNAVAILABLE,
    "conditional",
    'does not know such a request; try conditional = false, or checksum = "none"',
)
_KEY = Meaning(Verdict.PERMANENT, "layout", "cannot have so long a key; use other fields, or fewer")
_SIZE = Meaning(Verdict.PERMANENT, "", "takes no object of this size")
_OTHER = Meaning(Verdict.REFUSED, "", "refuses the object")
_NO_KEYS = Meaning(
    Verdict.UNAVAILABLE,
    "",
    "cannot be asked: no credentials were found; give them in the config or environment",
)

_BY_CODE = {
    "SignatureDoesNotMatch": _KEYS,
    "InvalidAccessKeyId": _KEYS,
    "InvalidSecurity": _KEYS,
    "AuthenticationFailed": _KEYS,
    "AuthenticationRequired": _KEYS,
    "NoAuthenticationInformation": _KEYS,
    "ExpiredToken": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "NoSuchKey": _ABSENT,
    "BlobNotFound": _ABSENT,
    "NoSuchBucket": _BUCKET,
    "InvalidBucketName": _BUCKET,
    "ContainerNotFound": _BUCKET,
    "ContainerBeingDeleted": _BUCKET,
    "PermanentRedirect": _REGION,
    "TemporaryRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "InvalidStorageClass": _CLASS,
    "InvalidEncryptionAlgorithmError": _CRYPT,
    "ServerSideEncryptionConfigurationNotFoundError": _CRYPT,
    "RequestTimeTooSkewed": _CLOCK,
    "RequestExpired": _CLOCK,
    "QuotaExceeded": _FULL,
    "XMinioStorageFull": _FULL,
    "BadDigest": _DAMAGED,
    "InvalidDigest": _DAMAGED,
    "XAmzContentSHA256Mismatch": _DAMAGED,
    "XAmzContentChecksumMismatch": _DAMAGED,
    "Md5Mismatch": _DAMAGED,
    "IncompleteBody": _DAMAGED,
    "NoSuchUpload": _DAMAGED,
    "NotImplemented": _UNABLE,
    "KeyTooLongError": _KEY,
    "EntityTooLarge": _SIZE,
    "RequestBodyTooLarge": _SIZE,
    "InvalidObjectState": Meaning(
        Verdict.REFUSED, "exists", "has put away what has this key, where it cannot be read"
    ),
}
_BY_STATUS = {
    301: _REGION,
    307: _REGION,
    401: _KEYS,
    403: _RIGHTS,
    404: _ABSENT,
    408: _BUSY,
    409: _BUSY,
    411: _UNABLE,
    413: _SIZE,
    429: _BUSY,
    501: _UNABLE,
    507: _FULL,
}


def meaning_of(answer: Answer) -> Meaning:
    """Say what an answer means."""
    match answer.trouble:
        case "moved":
            return _REGION
        case "no keys":
            return _NO_KEYS
        case "silent":
            return Meaning(Verdict.UNAVAILABLE, "", f"cannot be reached: {answer.words}")
        case "unknown":
            return Meaning(Verdict.PASSING, "", f"could not be asked ({answer.words})")
    if answer.code.startswith("KMS"):
        return _KMS
    status = answer.status or 0
    return _BY_CODE.get(answer.code) or _BY_STATUS.get(status) or (_BUSY if status >= 500 else _OTHER)
