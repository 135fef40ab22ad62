"""Values that stand where there must be one and the real one must not: always the same, and valid by VR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

TEXT = "REMOVED"

_TEXT = TEXT.encode()
_VALUES = {
    "AE": _TEXT,
    "AS": b"000Y",
    "AT": bytes(4),
    "CS": _TEXT,
    "DA": b"19000101",
    "DS": b"0",
    "DT": b"19000101000000",
    "FD": bytes(8),
    "FL": bytes(4),
    "IS": b"0",
    "LO": _TEXT,
    "LT": _TEXT,
    "OB": bytes(2),
    "OD": bytes(8),
    "OF": bytes(4),
    "OL": bytes(4),
    "OV": bytes(8),
    "OW": bytes(2),
    "PN": _TEXT,
    "SH": _TEXT,
    "SL": bytes(4),
    "SS": bytes(2),
    "ST": _TEXT,
    "SV": bytes(8),
    "TM": b"000000",
    "UC": _TEXT,
    "UI": b"2.25.0",
    "UL": bytes(4),
    "UN": bytes(2),
    "UR": b"urn:removed",
    "US": bytes(2),
    "UT": _TEXT,
    "UV": bytes(8),
}

Elements = Sequence[tuple[tuple[int, ...], str, bytes]]

_CODE: Elements = (
    ((0x00080100,), "SH", b"REMOVED"),
    ((0x00080102,), "SH", b"99HILUM"),
    ((0x00080104,), "LO", _TEXT),
)


def _below(*path: int) -> Elements:
    return [((*path, *place), vr, value) for place, vr, value in _CODE]


_PERSON: Elements = [*_below(0x00401101, 0), ((0x00080082,), "SQ", b""), ((0x00080080,), "LO", _TEXT)]

# What makes an item valid: the attributes of type 1 (PS3.3).
_ITEMS: Mapping[int, Elements] = {
    # C.17.3: a content item, a text about the removal
    0x0040A730: (
        ((0x0040A010,), "CS", b"CONTAINS"),
        ((0x0040A040,), "CS", b"TEXT"),
        ((0x0040A043, 0, 0x00080100), "SH", b"121106"),
        ((0x0040A043, 0, 0x00080102), "SH", b"DCM"),
        ((0x0040A043, 0, 0x00080104), "LO", b"Comment"),
        ((0x0040A160,), "UT", _TEXT),
    ),
    # C.10.5: a graphic annotation without a graphic has a text
    0x00700001: (
        ((0x00700002,), "CS", b"REMOVED"),
        ((0x00700008, 0, 0x00700004), "CS", b"DISPLAY"),
        ((0x00700008, 0, 0x00700006), "ST", _TEXT),
        ((0x00700008, 0, 0x00700010), "FL", bytes(8)),
        ((0x00700008, 0, 0x00700011), "FL", bytes(8)),
        ((0x00700008, 0, 0x00700012), "CS", b"LEFT"),
    ),
    # C.17.2: who verified
    0x0040A073: (
        ((0x0040A027,), "LO", _TEXT),
        ((0x0040A030,), "DT", b"19000101000000"),
        ((0x0040A075,), "PN", _TEXT),
        ((0x0040A088,), "SQ", b""),
    ),
    # 10.1: who operated
    0x00081072: _PERSON,
    # C.10.10: an annotation of a waveform
    0x0040B020: (((0x0040A0B0,), "US", bytes(4)), ((0x00700006,), "ST", _TEXT)),
    # 10.3: which performed step
    0x00081111: (
        ((0x00081150,), "UI", b"1.2.840.10008.3.1.2.3.3"),
        ((0x00081155,), "UI", b"2.25.0"),
    ),
    # C.7.6.30: which flow
    0x00340001: (((0x00340002,), "OB", bytes(2)), ((0x00340005,), "CS", b"MASTER")),
}


_OF_TAGS = {0x00080201: b"+0000"}  # Timezone Offset From UTC is a text of its own form (PS3.3 C.12.1)

DUMMY_TEXTS = frozenset(
    {TEXT, "19000101", "19000101000000", "000000", "000Y", "urn:removed", "+0000", "2.25.0"}
    | {
        value.decode("ascii")
        for elements in (_CODE, *_ITEMS.values())
        for _, vr, value in elements
        if vr in {"CS", "SH", "LO", "UT", "ST"}
    }
)
"""The dummies that a person could read, those of items included."""


def dummy_value(vr: str, tag: int = 0) -> bytes:
    """The dummy for a VR, or for an attribute; of a VR that is not known, two zero bytes."""
    return _OF_TAGS.get(tag) or _VALUES.get(vr, _VALUES["UN"])


def dummy_item(tag: int) -> Elements:
    """The elements of the one item that a sequence gets: of what nobody knows better, a code."""
    return _ITEMS.get(tag, _CODE)
