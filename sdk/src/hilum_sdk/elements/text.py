"""Text in a Specific Character Set (PS3.5 6.1)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import lru_cache

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, encode_string
from pydicom.valuerep import PersonName

from hilum_sdk.elements.vr import TEXT
from hilum_sdk.errors import PermanentError

RESETS = frozenset(b"\\\r\n\t\f^=")
"""What resets the character set to the first one, in texts of every VR and in names (PS3.5 6.1.2.5.3)."""

_MULTI_VALUED = frozenset({"LO", "PN", "SH", "UC"})
_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C}  # of a single value that is no name
_REPLACEMENT = "\ufffd"  # what codecs put for what they cannot read


@lru_cache(maxsize=256)
def python_encodings(specific_character_set: bytes) -> tuple[str, ...]:
    """Python's names for the encoded value of Specific Character Set (0008,0005)."""
    terms = specific_character_set.decode("ascii", "replace").split("\\")
    try:
        return tuple(convert_encodings([term.strip(" \0") for term in terms]))
    except ValueError:  # pydicom asks Python for a codec of that name, and a name has no NUL in it
        return (default_encoding,)


def encode_text(vr: str, text: str, specific_character_set: bytes) -> bytes:
    """Encode text, several values separated by backslashes, unpadded.

    Raises
    ------
    PermanentError
        The character set has no such character; the text is not quoted.
    """
    if text.isascii():
        return text.encode("ascii")
    encodings = python_encodings(specific_character_set)
    # pydicom takes a missing character set for Latin-1, which PS3.5 6.1.2.1 does not allow.
    if vr in TEXT and encodings != (default_encoding,):
        values = text.split("\\") if vr in _MULTI_VALUED else [text]
        encoded = [_encode(vr, value, encodings) for value in values]
        if None not in encoded:
            return b"\\".join(value for value in encoded if value is not None)
    name = specific_character_set.decode("ascii", "replace").strip(" \0") or "ISO_IR 6"
    raise PermanentError(
        f"a new value of VR {vr} has characters that the object's character set {name} has not;"
        " use plain letters, or change Specific Character Set first"
    )


def decode_text(vr: str, value: bytes, specific_character_set: bytes) -> str:
    """Decode an encoded value, several joined by backslashes, without padding. Nothing is guessed.

    Raises
    ------
    PermanentError
        It has bytes that mean nothing in its character set; they are not quoted.
    """
    value = value.rstrip(b" \0")
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    encodings = python_encodings(specific_character_set)
    if vr in TEXT and encodings != (default_encoding,):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pydicom would warn, and put question marks
            try:
                text = decode_bytes(value, encodings, set(RESETS))
            except (UserWarning, UnicodeError, ValueError, LookupError):
                text = _REPLACEMENT
        if _REPLACEMENT not in text:
            return text
    name = specific_character_set.decode("ascii", "replace").strip(" \0") or "ISO_IR 6"
    raise PermanentError(f"it cannot be read in the character set {name}")


def legible_text(value: bytes, encodings: Sequence[str]) -> str:
    """Decode a whole value, padding included, as well as can be: for looking, not for writing.

    `encodings` are of `python_encodings`. Never raises: what they cannot decode is read as Latin-1.
    """
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they quote the value
        try:
            return decode_bytes(value, list(encodings) or [default_encoding], set(RESETS))
        except (LookupError, ValueError):
            return value.decode("latin-1")


def _encode(vr: str, value: str, encodings: Sequence[str]) -> bytes | None:
    """One value, or None where it cannot be encoded and read back as it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # pydicom would warn, and put question marks
        try:
            if vr == "PN":
                encoded = PersonName(value, encodings).encode(encodings)
                back = str(PersonName(encoded, encodings))
            else:
                encoded = encode_string(value, encodings)
                back = decode_bytes(encoded, encodings, _DELIMITERS)
        except (UserWarning, UnicodeError, ValueError):
            return None
    return encoded if back == value else None
