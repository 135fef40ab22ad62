"""The rows of PS3.15 Table E.1-1 that a value can be planted at."""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files

import attrs
from pydicom.datadict import dictionary_VR

_ELSEWHERE = {0x0000, 0x0002, 0x0004, 0xFFFC}  # of messages, of files; planted by hand
_ONE_TAG = re.compile("[0-9A-F]{8}")
_TABLE = ("hilum_transform_deidentify", "tables/ps3_15_e1_1.csv")


@attrs.frozen
class Row:
    """One attribute: its tag, a VR that it may have, and its action in the Basic Profile."""

    tag: int
    vr: str
    basic_profile: str


@cache
def rows() -> tuple[Row, ...]:
    """All rows that name one tag; patterns are planted by hand."""
    package, name = _TABLE
    text = (files(package) / name).read_text(encoding="utf-8")
    found = []
    for line in csv.DictReader(text.splitlines()):
        digits = line["tag"].strip("()").replace(",", "")
        if not _ONE_TAG.fullmatch(digits) or int(digits, 16) >> 16 in _ELSEWHERE:
            continue
        tag = int(digits, 16)
        found.append(Row(tag, _vr(tag, line["name"]), line["basic_profile"]))
    return tuple(found)


def _vr(tag: int, name: str) -> str:
    """As of the dictionary, the first of several; by the name of what pydicom's edition does not know."""
    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        for word, vr in (("Sequence", "SQ"), ("UID", "UI"), ("DateTime", "DT"), ("Date", "DA")):
            if word in name:
                return vr
    return "LO"
