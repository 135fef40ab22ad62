"""What the result says of itself (PS3.15 E.1.1, PS3.3 C.7.1.1, C.7.5.4): that it is de-identified, and how.

Never more than was done: of text in pixels and of faces nothing is said, because pixels are not read.
"""

from __future__ import annotations

from collections.abc import Collection

from hilum_sdk import ElementEditor
from hilum_transform_deidentify.options import Method, Option, methods_of
from hilum_transform_deidentify.reading import letters_at
from hilum_transform_deidentify.tables import EDITION

PATIENT_IDENTITY_REMOVED = 0x00120062
_METHOD = 0x00120063
_METHOD_CODES = 0x00120064
_DATES_MODIFIED = 0x00280303
_CODE_VALUE = 0x00080100
_SCHEME = 0x00080102
_MEANING = 0x00080104

METHOD_TEXT = f"Hilum deidentify 1, PS3.15 {EDITION} Annex E"


def mark(elements: ElementEditor, options: Collection[Option]) -> None:
    """Say so in the data set; what earlier de-identifications said stays beside it."""
    elements.put((PATIENT_IDENTITY_REMOVED,), "CS", b"YES")
    _add_text(elements)
    _add_codes(elements, methods_of(options))
    elements.put((_DATES_MODIFIED,), "CS", dates_modified(options).encode())


def dates_modified(options: Collection[Option]) -> str:
    """The value of Longitudinal Temporal Information Modified."""
    if Option.FULL_DATES in options:
        return "UNMODIFIED"
    return "MODIFIED" if Option.MODIFIED_DATES in options else "REMOVED"


def _add_text(elements: ElementEditor) -> None:
    there = letters_at(elements, (_METHOD,))
    texts = there.split(b"\\") if there else []
    if METHOD_TEXT.encode() not in [text.strip(b" ") for text in texts]:
        elements.put((_METHOD,), "LO", b"\\".join([*texts, METHOD_TEXT.encode()]))


def _add_codes(elements: ElementEditor, methods: Collection[Method]) -> None:
    there = [
        letters_at(elements, (_METHOD_CODES, number, _CODE_VALUE))
        for number in range(elements.item_count((_METHOD_CODES,)))
    ]
    for method in methods:
        if method.code.encode() not in there:
            item = (_METHOD_CODES, len(there))
            elements.put((*item, _CODE_VALUE), "SH", method.code.encode())
            elements.put((*item, _SCHEME), "SH", b"DCM")
            elements.put((*item, _MEANING), "LO", method.meaning.encode())
            there.append(method.code.encode())
