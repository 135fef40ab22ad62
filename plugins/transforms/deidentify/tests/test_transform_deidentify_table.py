"""Every row of Table E.1-1: a value is planted in four places, and looked for in the bytes of the result."""

from __future__ import annotations

import struct
from datetime import date, timedelta

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from hilum_sdk.elements import dictionary_vr
from hilum_transform_deidentify.tables import read_table, tag_of

from .conftest import ALL, BIG_ENDIAN, CT, EXPLICIT, IMPLICIT, encoded

ROWS = {row["tag"]: row for row in read_table("attributes")}
PATTERNS = {"(50xx,xxxx)": 0x50020110, "(60xx,3000)": 0x60023000, "(60xx,4000)": 0x60044000}
PRIVATE = next(tag for tag in ROWS if "gggg" in tag.lower() or (tag_of(tag) is None and tag not in PATTERNS))
TAGS = {text: PATTERNS.get(text, 0x00130011 if text == PRIVATE else tag_of(text)) for text in ROWS}

PLACES = ("top", "nested", "private", "UN")
NESTED, IN_UN, IN_PRIVATE = 0x00081199, 0x00081115, 0x20051402  # none of them is in the table
STAYS = "STAYS-HERE"
UNKNOWN_CLASS = "1.2.3.4"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
SAFE = {"retain": ["safe-private"]}
CASES = [
    (EXPLICIT, CT, {}),
    (EXPLICIT, SR, {"clean": ["structured-content", "graphics"]}),
    (EXPLICIT, UNKNOWN_CLASS, SAFE),
    (IMPLICIT, CT, SAFE),
    (BIG_ENDIAN, CT, SAFE),
]


def vr_of(text: str) -> str:
    """The VR of an attribute; of those that no dictionary here knows, what its keyword lets expect."""
    vr = dictionary_vr(TAGS[text])
    keyword = ROWS[text]["keyword"]
    if len(vr) == 2 and text != PRIVATE:
        return vr
    return "SQ" if keyword.endswith("Sequence") else "DT" if keyword.endswith("DateTime") else "LO"


def planted(text: str, place: str) -> bytes:
    """What is planted there; of no other row and place."""
    number = 10 * list(ROWS).index(text) + PLACES.index(place)
    day = f"{date(1650, 1, 1) + timedelta(days=number):%Y%m%d}"
    match vr_of(text):
        case "UI":
            value = f"1.3.99.{number}.1"
        case "DA":
            value = day
        case "DT":
            value = f"{day}010203"
        case "TM":
            value = f"010203.{number:06}"
        case "DS" | "IS":
            value = f"77{number:06}"
        case "AS":
            value = f"{number % 1000:03}W"
        case _:
            value = f"ZQ{number:05}X"
    return value.encode()


def level(place: str) -> Dataset:
    """All attributes of the table beside each other, each with its planted value."""
    data_set = Dataset()
    for text, tag in TAGS.items():
        vr, value = vr_of(text), planted(text, place)
        if vr == "SQ":
            inner = Dataset()
            if ROWS[text]["basic_profile"] == "X/Z/U*":  # may stay, with other UIDs
                inner.ReferencedSOPInstanceUID = f"1.3.99.{int(value[2:7])}.1"
            elif ROWS[text]["clean_struct_cont"] or ROWS[text]["clean_graph"]:  # stays, and is cleaned
                inner.TextValue = value.decode()
            else:
                inner.CodeMeaning = value.decode()
            data_set.add_new(tag, "SQ", Sequence([inner]))
        elif vr in {"OB", "UN", "OW"}:
            data_set.add_new(tag, vr, value + b"\0" * (len(value) & 1))
        elif vr == "US":
            data_set.add_new(tag, vr, 4711)
        else:
            data_set.add_new(tag, vr, value.decode())
    data_set.CodeValue = STAYS
    return data_set


@pytest.fixture(scope="module", params=CASES, ids=["basic", "cleaned", "unknown", "implicit", "big endian"])
def result(request, deidentify):
    transfer_syntax_uid, sop_class_uid, settings = request.param
    data_set = level("top")
    data_set.SOPClassUID, data_set.SOPInstanceUID = sop_class_uid, "1.3.99"
    data_set.add_new(NESTED, "SQ", Sequence([level("nested")]))
    data_set.add_new(0x20050014, "LO", "Philips Imaging DD 001")
    data_set.add_new(IN_PRIVATE, "SQ", Sequence([level("private")]))
    body = encoded(data_set, transfer_syntax_uid) + hidden(level("UN"), transfer_syntax_uid)
    return deidentify(body, transfer_syntax_uid, sop_class_uid, allow=ALL, **settings)


def hidden(data_set: Dataset, transfer_syntax_uid: str) -> bytes:
    """Encode a sequence with one item as UN of defined length: implicit little endian (PS3.5 6.2.2)."""
    inner = encoded(data_set, IMPLICIT)
    item = struct.pack("<HHL", 0xFFFE, 0xE000, len(inner)) + inner
    order = ">" if transfer_syntax_uid == BIG_ENDIAN else "<"
    vr = b"" if transfer_syntax_uid == IMPLICIT else b"UN\0\0"
    tag = struct.pack(f"{order}HH", IN_UN >> 16, IN_UN & 0xFFFF)
    return tag + vr + struct.pack(f"{order}L", len(item)) + item


def test_the_places_are_looked_into_not_removed(result):
    assert result.verdict is None
    assert result.plain.count(STAYS.encode()) >= 3


@pytest.mark.parametrize("text", ROWS, ids=lambda text: ROWS[text]["keyword"])
def test_nothing_is_left_of_what_a_row_lists(result, text):
    left = [place for place in PLACES if planted(text, place).strip() in result.plain]
    assert not left
