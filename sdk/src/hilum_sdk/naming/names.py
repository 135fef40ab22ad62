"""Names for files and folders, made of values that strangers have chosen.

A name made here is safe on Linux and on what Windows and macOS show of it over the network. Two
values that differ get names that differ: a value that cannot stand as it is carries a digest of the
original, lest two patients meet in one folder.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any

import attrs

_LONGEST = 180  # bytes of UTF-8; file systems take 255, and a number must still fit
_DIGEST_LENGTH = 8
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file: with any extension, too.
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?:\..*)?", re.IGNORECASE
)


def safe_name(text: str, *, ending: str = "") -> str:
    """Make one component of a path.

    Parameters
    ----------
    text
        What the name is wanted to be; not empty.
    ending
        What must stand at its end, such as ".dcm"; safe itself.
    """
    wanted = unicodedata.normalize("NFC", text)
    # Not printable are controls, direction marks, surrogates, and all spaces but the one.
    name = "".join(c if c.isprintable() else "_" for c in wanted)
    name = _FORBIDDEN.sub("_", name).rstrip(". ").lstrip(" ")
    if not name or name[0] in ".-~":
        name = "_" + name[1:]
    if _RESERVED.fullmatch(name + ending):
        name = "_" + name
    room = _LONGEST - len(ending.encode())
    if name == wanted and len(name.encode()) <= room:
        return name + ending
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{_shortened(name, room - _DIGEST_LENGTH - 1)}~{digest}{ending}"


def is_safe_name(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:  # noqa: ARG001 - attrs' signature
    """Validate a config field that stands as it is in names."""
    if safe_name(value) != value:
        raise ValueError("is no name for a folder or file; use letters, digits, '-' and '_'")


def numbered(name: str, number: int) -> str:
    """Give the name of another file of the same name: ``a.dcm`` becomes ``a-2.dcm``."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-{number}.{extension}" if dot and stem else f"{name}-{number}"


def _shortened(name: str, size: int) -> str:
    return name.encode()[:size].decode(errors="ignore").rstrip(". ")
