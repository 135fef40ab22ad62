"""The classes of elements by which a report counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_PLACES = (
    "Address",
    "Telephone",
    "Telecom",
    "URN",
    "URI",
    "Location",
    "GPS",
    "Residence",
    "Country",
    "Region",
)
_PEOPLE = ("Name", "Physician", "Person", "Operator", "Author", "Observer", "Interpreter", "Reviewer")
_NAMES_OF_THINGS = ("Department", "Device", "Protocol", "Series", "Study", "Procedure", "Sponsor", "Label")
_NUMBERS = ("ID", "Number", "Identifier", "Identification")
_SAYS = (
    ("rtn_uids", "UIDs"),
    ("rtn_inst_id", "institutions"),
    ("rtn_dev_id", "devices"),
    ("rtn_long_full_dates", "dates"),
    ("clean_graph", "graphics"),
    ("clean_struct_cont", "contents"),
)
_OF_VR = {"PN": "names", "UI": "UIDs", "DA": "dates", "DT": "dates", "TM": "dates", "AS": "ages"}


def class_of(row: Mapping[str, str], vr: str) -> str:
    """The class of an attribute, by its row in Table E.1-1 and its VR."""
    return _OF_VR.get(vr) or next((name for column, name in _SAYS if row[column]), None) or _by_words(row)


def _by_words(row: Mapping[str, str]) -> str:
    """By the words of its keyword, most telling first."""
    keyword = row["keyword"]

    def has(words: Sequence[str]) -> bool:
        return any(word in keyword for word in words)

    found = {
        "addresses": has(_PLACES),
        "descriptions": bool(row["clean_desc"]),
        "names": has(_PEOPLE) and not has(_NAMES_OF_THINGS),
        "identifiers": has(_NUMBERS),
        "images": "Icon" in keyword,
        "others": True,
    }
    return next(name for name, is_so in found.items() if is_so)
