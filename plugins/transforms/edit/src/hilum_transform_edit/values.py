"""Values to set: checked by their VR (PS3.5 6.2) with the config, or once their variables are filled in."""

from __future__ import annotations

import re
import struct
from typing import Any

import attrs
from pydicom import config as pydicom_config
from pydicom.valuerep import DA, DT, TM, validate_value

from hilum_sdk import ElementEditor, PermanentError
from hilum_sdk.elements.vr import TEXT
from hilum_sdk.paths import ElementPath
from hilum_transform_edit.templates import Template

_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
ONE_VALUE = frozenset({"LT", "ST", "UT", "UR"})
_WORDS = {
    "AE": "an AE title of at most 16 characters",
    "AS": 'an age such as "042Y"',
    "AT": 'a tag such as "(0008,0060)"',
    "CS": "at most 16 capital letters, digits, '_' and spaces",
    "DA": 'a date such as "20240131"',
    "DS": "a decimal number of at most 16 characters",
    "DT": 'a date and time such as "20240131093000"',
    "IS": "a whole number of at most 32 bits",
    "LO": "text of at most 64 characters",
    "LT": "text of at most 10240 characters",
    "PN": "a name of up to 3 groups of up to 64 characters and 5 components",
    "SH": "text of at most 16 characters",
    "ST": "text of at most 1024 characters",
    "TM": 'a time such as "093000"',
    "UC": "text",
    "UI": "a UID: numbers joined by dots",
    "UR": "a URI",
    "UT": "text",
}
_SETTABLE = _BINARY.keys() | _WORDS.keys()
_CALENDAR = {"DA": DA, "DT": DT, "TM": TM}


@attrs.frozen
class ElementValue:
    """The value of one element: ``numbers`` of a binary VR, else ``text`` with backslashes between values."""

    vr: str
    text: str = ""
    numbers: tuple[float, ...] = ()

    def encoded(self, elements: ElementEditor, path: ElementPath, *, is_big_endian: bool) -> bytes:
        """Encode for one place of one object; raises PermanentError if its character set cannot hold it."""
        order = ">" if is_big_endian else "<"
        if self.vr == "AT":
            tags = [int(tag[1:5] + tag[6:10], 16) for tag in self.text.split("\\") if tag]
            return b"".join(struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF) for tag in tags)
        if self.vr in _BINARY:
            return struct.pack(f"{order}{len(self.numbers)}{_BINARY[self.vr]}", *self.numbers)
        return (
            elements.encode_text(self.vr, self.text, path) if self.vr in TEXT else self.text.encode("ascii")
        )


@attrs.frozen
class TemplateValue:
    """Values of an element that differ from object to object."""

    vr: str
    templates: tuple[Template, ...]


def read_value(vr: str, raw: Any) -> ElementValue | TemplateValue:
    """Read a value, or an array of values, as the config writes it; raises ValueError."""
    if vr not in _SETTABLE:
        raise ValueError(f"an element with VR {vr} cannot be set")
    values = raw if isinstance(raw, list) else [raw]
    if len(values) > 1 and vr in ONE_VALUE:
        raise ValueError(f"VR {vr} has one value (PS3.5 6.2), got {len(values)}")
    if vr in _BINARY:
        return ElementValue(vr, numbers=() if values == [""] else tuple(_number(vr, v) for v in values))
    templates = tuple(Template.parse(_written(vr, value)) for value in values)
    if not all(template.is_constant for template in templates):
        return TemplateValue(vr, templates)
    texts = ["".join(part for part in t.parts if isinstance(part, str)) for t in templates]
    for text in texts:
        if fault := fault_of(vr, text):
            raise ValueError(f"{fault}, got {text!r}")
    return ElementValue(vr, "\\".join(texts))


def checked(vr: str, text: str) -> ElementValue:
    """Make a value of text that came about for one object, backslashes between values.

    Raises
    ------
    PermanentError
        The VR cannot have it; it is not quoted.
    """
    if vr not in _WORDS or vr == "AT":
        raise PermanentError(f"the element has VR {vr}, which holds no text")
    for value in [text] if vr in ONE_VALUE else text.split("\\"):
        if fault := fault_of(vr, value):
            raise PermanentError(f"the new value does not fit: {fault}")
    return ElementValue(vr, text)


def fault_of(vr: str, text: str) -> str:
    """Say what is wrong with one value; empty if nothing is."""
    if "\\" in text and vr not in ONE_VALUE:
        return "a backslash separates values; write them as an array"
    # PS3.5 6.1.3: of the control characters, LF, FF, CR and TAB, and these in long texts only.
    allowed = "\t\n\f\r" if vr in ONE_VALUE else ""
    if any((c < " " or "\x7f" <= c < "\xa0") and c not in allowed for c in text):
        return f"VR {vr} has no control characters (PS3.5 6.1.3)"
    return "" if _is_valid(vr, text) else f"VR {vr} is {_WORDS[vr]} (PS3.5 6.2)"


def _number(vr: str, value: Any) -> float:
    is_float = vr in {"FL", "FD"}
    if isinstance(value, bool) or not isinstance(value, int | float if is_float else int):
        words = "a number" if is_float else "a whole number"
        raise ValueError(f"VR {vr} is {words}, got {value!r}")  # noqa: TRY004 - as read_value says
    try:
        struct.pack(f"<{_BINARY[vr]}", value)
    except (struct.error, OverflowError):
        raise ValueError(f"{value} is beyond what VR {vr} can hold (PS3.5 6.2)") from None
    number: float = value
    return number


def _written(vr: str, value: Any) -> str:
    """The text that the config has for a value."""
    if vr in {"DS", "IS"} and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise ValueError(f"VR {vr} is {_WORDS[vr]}; got {value!r}")  # noqa: TRY004 - as read_value says
    return value


def _is_valid(vr: str, value: str) -> bool:
    if not value:
        return True
    match vr:
        case "AE" if not value.strip():
            return False
        case "AT":
            return re.fullmatch(r"\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\)", value) is not None
        case "PN" if any(group.count("^") > 4 for group in value.split("=")):
            return False
    try:
        validate_value(vr, value, pydicom_config.RAISE)
        if vr in _CALENDAR:
            _CALENDAR[vr](value)  # there is no 30 February
    except ValueError:
        return False
    return vr != "IS" or -(2**31) <= int(value) < 2**31
