"""Who an object is of, and what stands for that person: a code, and a number of days."""

from __future__ import annotations

import hmac
import unicodedata
from base64 import b32encode

from hilum_sdk import ElementEditor
from hilum_sdk.elements.encoding import SPECIFIC_CHARACTER_SET
from hilum_sdk.elements.text import legible_text, python_encodings
from hilum_transform_deidentify.identity.keys import Keys

_PATIENT_ID = 0x00100020
_ISSUER_OF_PATIENT_ID = 0x00100021
_INSTEAD_OF_PATIENT_ID = (0x0020000D, 0x0020000E, 0x00080018)  # study, series, instance

_CODE_BYTES = 10  # 16 letters and digits in base32, none of them to be confused
_MOST_BYTES = 1 << 16


def subject_of(elements: ElementEditor) -> bytes:
    """Say in a canonical form who an object is of. It identifies: it never leaves, nor is it logged.

    It is the Patient ID with its issuer, whatever the character set and the padding. Where there is
    no Patient ID it is the study: else all anonymous patients would be one. Ask before anything
    is changed.
    """
    patient_id = _text(elements, _PATIENT_ID)
    if patient_id:
        return _canonical("patient", patient_id, _text(elements, _ISSUER_OF_PATIENT_ID))
    uids = (_text(elements, tag) for tag in _INSTEAD_OF_PATIENT_ID)
    return _canonical("study", next(filter(None, uids), ""))


class Subjects:
    """What stands for subjects under the keys of a project.

    Parameters
    ----------
    most_days
        The largest shift of dates, in days, 1 or more.
    """

    def __init__(self, keys: Keys, most_days: int) -> None:
        if most_days < 1:
            raise ValueError(f"dates are shifted by at least 1 day, so most_days cannot be {most_days}")
        self._keys = keys
        self._most_days = most_days

    def code(self, subject: bytes) -> str:
        """Give the code of a subject: 16 capital letters and digits, good for an ID as for a name."""
        return b32encode(hmac.digest(self._keys.subjects, subject, "sha256")[:_CODE_BYTES]).decode()

    def days(self, subject: bytes) -> int:
        """Give by how many days the dates of a subject go back: 1 to `most_days`."""
        # 256 bits for at most some thousands: nothing to be seen of the remainder's bias.
        return 1 + int.from_bytes(hmac.digest(self._keys.dates, subject, "sha256")) % self._most_days


def _canonical(*parts: str) -> bytes:
    return "\0".join(parts).encode("utf-8", "surrogatepass")


def _text(elements: ElementEditor, tag: int) -> str:
    """The text of an element, composed alike whatever its character set, without padding."""
    value = _bytes(elements, tag).strip(b" \0")
    if not value or (value.isascii() and b"\x1b" not in value):
        return value.replace(b"\0", b"").decode("ascii")
    encodings = python_encodings(_bytes(elements, SPECIFIC_CHARACTER_SET))
    text = unicodedata.normalize("NFC", legible_text(value, encodings))
    return text.replace("\0", "").strip()


def _bytes(elements: ElementEditor, tag: int) -> bytes:
    element = elements.get((tag,))
    if element is None:
        return b""
    value = element.value
    if isinstance(value, bytes):
        return value
    with value.open() as stream:
        return stream.read(_MOST_BYTES)
