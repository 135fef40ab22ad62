"""Dates that go back by whole days, so that the time between two of them stays what it was."""

from __future__ import annotations

import re
from datetime import date

# PS3.5 6.2. Of a date and time only a whole date can be shifted; a range is matched by neither.
_FORMS = {
    "DA": re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})()"),
    "DT": re.compile(
        rb"([0-9]{4})([0-9]{2})([0-9]{2})"
        rb"((?:(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?)?"
        rb"(?:[+-](?:0[0-9]|1[0-4])[0-5][0-9])?)"
    ),
}


def shifted(vr: str, value: bytes, days: int) -> bytes | None:
    """Move an encoded date, or several, back by whole days; times and zones stay.

    Parameters
    ----------
    vr
        Of the element: only DA and DT hold dates.
    value
        With its padding; several dates are separated by backslashes, and empty ones stay empty.

    Returns
    -------
    The new value, unpadded; None where any of it is partial, malformed or no date, or would go back
    before year 1. Then it must be dealt with as if dates were not retained.
    """
    form = _FORMS.get(vr)
    if form is None:
        return None
    moved = [_moved(form, one.strip(b" \0"), days) for one in value.split(b"\\")]
    return None if None in moved else b"\\".join(one for one in moved if one is not None)


def _moved(form: re.Pattern[bytes], value: bytes, days: int) -> bytes | None:
    if not value:
        return value
    match = form.fullmatch(value)
    if match is None:
        return None
    year, month, day, rest = match.groups()
    try:
        moved = date.fromordinal(date(int(year), int(month), int(day)).toordinal() - days)
    except ValueError:
        return None
    return b"%04d%02d%02d%b" % (moved.year, moved.month, moved.day, rest)
