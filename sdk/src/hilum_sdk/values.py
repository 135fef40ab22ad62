"""The values of elements as people write them: texts, and numbers where they are numbers. Never raises.

For components that look at the elements of any object, whatever is wrong with it: pydicom's own
conversion raises on values that are malformed, and its warnings quote them. What pydicom has
converted already gives the same values.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import attrs
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset

from hilum_sdk.elements.text import legible_text, python_encodings
from hilum_sdk.elements.vr import dictionary_vr
from hilum_sdk.paths import EVERY_ITEM, ElementPath

SPECIFIC_CHARACTER_SET = 0x00080005

# PS3.5 Table 6.2-1.
NUMBERS_AS_TEXT = frozenset({"DS", "IS"})
_BINARY = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
NUMBERS = NUMBERS_AS_TEXT | _BINARY.keys()
_ONE_VALUE = frozenset({"LT", "ST", "UT", "UR"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MOST_BYTES = 1 << 16


@attrs.frozen
class Value:
    """One value of an element.

    ``number`` is None unless its VR is one of numbers; ``is_single`` marks those of 32 bits.
    """

    text: str
    number: float | None = None
    is_single: bool = False


def values_at(header: Dataset, path: ElementPath) -> list[Value]:
    """Give the values of all elements that `path` leads to; empty where none is there or has a value."""
    found: list[Value] = []
    for holder, encodings in _holders(header, path):
        element = holder.get_item(path[-1])
        if element is not None:
            found += _values_of(holder, element, encodings)
    return found


def items_at(header: Dataset, path: ElementPath) -> list[Dataset]:
    """Give the items of all sequences that `path` leads to."""
    return [item for holder, _ in _holders(header, path) for item in _items_of(holder, path[-1])]


def number_in(text: str) -> float | None:
    """Read a number as IS and DS write it; None if it is none."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() and len(text) <= 20 else float(text)


def _holders(header: Dataset, path: ElementPath) -> Iterable[tuple[Dataset, tuple[str, ...]]]:
    """Give the data sets, the header or items of it, in which the last tag of `path` is looked for."""
    level = [(header, _encodings_of(header, ()))]
    for tag, index in zip(path[:-1:2], path[1::2], strict=True):
        below = []
        for holder, encodings in level:
            items = _items_of(holder, tag)
            chosen = items if index == EVERY_ITEM else items[index : index + 1]
            below += [(item, _encodings_of(item, encodings)) for item in chosen]
        level = below
    return level


def _items_of(holder: Dataset, tag: int) -> Sequence[Dataset]:
    element: Any = holder.get_item(tag)
    if isinstance(element, RawDataElement) and element.VR in (None, "SQ", "UN"):
        try:
            element = holder[tag]
        except Exception:  # noqa: BLE001 - pydicom raises of many kinds on sequences that are none
            return ()
    if isinstance(element, DataElement) and element.VR == "SQ":
        return element.value or ()
    return ()


def _values_of(
    holder: Dataset, element: DataElement | RawDataElement, encodings: tuple[str, ...]
) -> list[Value]:
    vr = _vr_of(element)
    if vr == "SQ":
        return [Value("an item")] * len(_items_of(holder, element.tag))
    value = element.value
    if isinstance(value, bytes):
        is_little = getattr(element, "is_little_endian", True) or element.VR == "UN"
        texts = _from_bytes(value[:_MOST_BYTES], vr, encodings, is_little=is_little)
    else:
        # A PersonName can be iterated, too: by letters.
        texts = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [made for one in texts if (made := _value(one, vr)) is not None]


def _value(one: Any, vr: str) -> Value | None:
    if one is None:
        return None
    if vr == "AT" and isinstance(one, int):
        return Value(f"({one >> 16:04X},{one & 0xFFFF:04X})")
    text = str(one).strip(" \0")
    if vr == "PN":
        text = text.rstrip("^= ")  # PS3.5 6.2.1: empty components at the end need not be written.
    if not text:
        return None
    if vr not in NUMBERS:
        return Value(text)
    return Value(text, one if type(one) in (int, float) else number_in(text), vr == "FL")


def _vr_of(element: DataElement | RawDataElement) -> str:
    vr: str = element.VR or "UN"
    if vr == "UN":
        # PS3.5 6.2.2: UN hides the VR of an element that the dictionary may know.
        vr = dictionary_vr(element.tag) or "UN"
    return "US" if vr.startswith("US or") else vr


def _from_bytes(value: bytes, vr: str, encodings: tuple[str, ...], *, is_little: bool) -> list[Any]:
    order = "<" if is_little else ">"
    if code := _BINARY.get(vr):
        size = struct.calcsize(code)
        return list(struct.unpack_from(f"{order}{len(value) // size}{code}", value))
    if vr == "AT":
        groups = struct.unpack_from(f"{order}{len(value) // 4 * 2}H", value)
        return [group << 16 | number for group, number in zip(groups[::2], groups[1::2], strict=True)]
    text = legible_text(value, encodings)
    return [text] if vr in _ONE_VALUE else text.split("\\")


def _encodings_of(holder: Dataset, inherited: tuple[str, ...]) -> tuple[str, ...]:
    element = holder.get_item(SPECIFIC_CHARACTER_SET)
    if element is None or not element.value:
        return inherited
    value = element.value
    if isinstance(value, bytes):
        return _encodings(value.decode("latin-1"))
    return _encodings(value if isinstance(value, str) else "\\".join(map(str, value)))


@lru_cache(maxsize=64)
def _encodings(names: str) -> tuple[str, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return python_encodings(names.encode("latin-1", "replace"))
