"""Ages that say no more than "90 or above" of the very old, who are few."""

from __future__ import annotations

import re

_MOST_YEARS = 90
_PER_YEAR = {b"D": 365, b"W": 52, b"M": 12, b"Y": 1}
_AGE = re.compile(rb"([0-9]{1,4}) ?([DWMY])")  # PS3.5 6.2 wants three digits; not all writers do


def capped(value: bytes) -> bytes:
    """Cap an encoded age (VR AS), or several, at 90 years; unpadded.

    What is above becomes ``090Y``, what is no age becomes empty; the rest stays as it was.
    """
    return b"\\".join(_capped(one.strip(b" \0")) for one in value.split(b"\\"))


def _capped(value: bytes) -> bytes:
    match = _AGE.fullmatch(value)
    if match is None:
        return b""
    number, unit = match.groups()
    return b"%03dY" % _MOST_YEARS if int(number) > _MOST_YEARS * _PER_YEAR[unit] else value
