"""The rows of PS3.15 Table E.1-1 that a value can be planted at."""

from __future__ import annotations

from functools import cache

import attrs
from pydicom.datadict import dictionary_VR

from hilum_transform_deidentify.tables import read_table, tag_of

_ELSEWHERE = {0x0000, 0x0002, 0x0004, 0xFFFC}  # of messages, of files; planted by hand


@attrs.frozen
class Row:
    """One attribute: its tag, a VR that it may have, and its action in the Basic Profile."""

    tag: int
    vr: str
    basic_profile: str


@cache
def rows() -> tuple[Row, ...]:
    """All rows that name one tag; patterns are planted by hand."""
    found = []
    for line in read_table("attributes"):
        tag = tag_of(line["tag"])
        if tag is not None and tag >> 16 not in _ELSEWHERE:
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
