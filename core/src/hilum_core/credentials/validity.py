"""How long the certificates of a file are valid.

`ssl` reads certificates of peers only. The validity stands in a fixed place of each (RFC 5280 4.1), so a walk
over five fields of DER finds it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import attrs

_PEM: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----\s+[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----", re.ASCII
)
_VERSION: Final = 0xA0
_FORMATS: Final = {0x17: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}
"""UTCTime and GeneralizedTime, as RFC 5280 4.1.2.5 has them in certificates."""


@attrs.frozen(kw_only=True)
class Validity:
    """From when to when a certificate is valid."""

    begins_at: datetime
    ends_at: datetime


def certificates_in(path: Path) -> list[Validity]:
    """Read the validity of every certificate of a PEM file, in their order.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        A certificate in it is none.
    """
    text = path.read_text(encoding="ascii", errors="replace")
    return [validity_of(ssl.PEM_cert_to_DER_cert(pem)) for pem in _PEM.findall(text)]


def validity_of(certificate: bytes) -> Validity:
    """Read the validity of a certificate in DER. Raises ValueError where it is none."""
    to_be_signed = _first(_first(certificate))
    fields = [field for field in _fields(to_be_signed) if field[0] != _VERSION]
    if len(fields) < 4:
        raise ValueError("a certificate has a validity")
    begins_at, ends_at = (_time(tag, value) for tag, value in _fields(fields[3][1]))
    return Validity(begins_at=begins_at, ends_at=ends_at)


def _first(encoded: bytes) -> bytes:
    for _, value in _fields(encoded):
        return value
    raise ValueError("a certificate is not empty")


def _fields(encoded: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and value of one field after the other; an empty rest is the end."""
    position = 0
    while position < len(encoded):
        if len(encoded) - position < 2:
            raise ValueError("a field ends before its length")
        tag, length = encoded[position], encoded[position + 1]
        position += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(encoded[position : position + count], "big")
            position += count
        if length > len(encoded) - position:
            raise ValueError("a field is longer than what it stands in")
        yield tag, encoded[position : position + length]
        position += length


def _time(tag: int, value: bytes) -> datetime:
    if tag not in _FORMATS:
        raise ValueError("a validity is made of times")
    text = value.decode("ascii", "replace")
    at = datetime.strptime(text, _FORMATS[tag]).replace(tzinfo=UTC)
    # RFC 5280 4.1.2.5.1: two digits from 50 on are of the last century; Python says from 69 on.
    return at.replace(year=at.year - 100) if tag == 0x17 and at.year >= 2050 else at
