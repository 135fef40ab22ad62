"""Content items, cleaned by what they are about (PS3.15 E.3.4): the Clean Structured Content Option.

Values are dealt with by Table E.1-1 and its options, as everywhere: a person name, a date, a UID, a
reference. What a person wrote, in Text Value, is replaced. Here it is said which items go as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from hilum_sdk import ElementEditor, Level
from hilum_transform_deidentify.options import COLUMNS, Option
from hilum_transform_deidentify.reading import text_at
from hilum_transform_deidentify.tables import read_table

CONCEPT_NAME = 0x0040A043
VALUE_TYPE = 0x0040A040
_CODE_VALUES = (0x00080100, 0x00080119, 0x00080120)  # Code Value, Long Code Value, URN Code Value
_SCHEME = 0x00080102
_REFERENCED_ITEM = 0x0040DB73

_SUBJECT_AGE = "121033"  # it would have to be capped, in whatever unit it has
_VALUES = {
    "DATE": 0x0040A121,
    "DATETIME": 0x0040A120,
    "PNAME": 0x0040A123,
    "TEXT": 0x0040A160,
    "TIME": 0x0040A122,
    "UIDREF": 0x0040A124,
}

Concept = tuple[str, str]
"""Code value and coding scheme."""


class ContentRules:
    """What becomes of the content items of one object."""

    def __init__(self, options: Collection[Option]) -> None:
        self._options = options
        self._removes = True

    def read(self, elements: ElementEditor) -> None:
        """Take note of the object before anything is changed."""
        # A relation by reference counts items: were one removed, it would lead to another item.
        self._removes = not any(_REFERENCED_ITEM in path for path, _ in elements.walk())

    def condemns(self, level: Level) -> bool:
        """Whether this is a content item that goes, with all below it."""
        if level.sequence is None or not self._removes:
            return False
        row = _row(level)
        # An option keeps it (K), or has its date shifted (C) by what is said of the attribute that holds it.
        return row is not None and row["basic_profile"] == "X" and not self._says(row) & {"K", "C"}

    def kept(self, level: Level) -> frozenset[int]:
        """The elements of a content item that an option keeps as they are."""
        if level.sequence is None:
            return frozenset()
        row = _row(level)
        if row is None or row["value_type"] not in _VALUES or "K" not in self._says(row):
            return frozenset()
        return frozenset({_VALUES[row["value_type"]]})

    def _says(self, row: Mapping[str, str]) -> frozenset[str]:
        """What the options asked for say of a row."""
        if row["code_value"] == _SUBJECT_AGE:
            return frozenset()
        return frozenset(row.get(COLUMNS[option], "") for option in self._options)


@cache
def _rows() -> Mapping[Concept, Mapping[str, Mapping[str, str]]]:
    """The rows of Table E.3.4-1 by concept and value type."""
    found: dict[Concept, dict[str, Mapping[str, str]]] = {}
    for row in read_table("content_items"):
        concept = (row["code_value"], row["coding_scheme"])
        found.setdefault(concept, {})[row["value_type"]] = row
    return found


def _row(level: Level) -> Mapping[str, str] | None:
    """The row for what this item is about, if there is one."""
    elements = level.elements
    if elements.get((CONCEPT_NAME,)) is None:
        return None
    concept = (
        next(filter(None, (text_at(elements, (CONCEPT_NAME, 0, tag)) for tag in _CODE_VALUES)), ""),
        text_at(elements, (CONCEPT_NAME, 0, _SCHEME)),
    )
    by_type = _rows().get(concept, {})
    value_type = text_at(elements, (VALUE_TYPE,))
    # Items outside of content trees need not say their type.
    return by_type.get(value_type) or (next(iter(by_type.values()), None) if not value_type else None)
