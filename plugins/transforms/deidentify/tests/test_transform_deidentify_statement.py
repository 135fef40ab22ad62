"""The conformance statement says what the tables say.

To write its tables anew::

    python plugins/transforms/deidentify/tests/test_transform_deidentify_statement.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydicom.datadict import dictionary_keyword

from hilum_sdk.elements.vr import TEXT
from hilum_transform_deidentify.dummies import dummy_value
from hilum_transform_deidentify.iod_types import places_wanted
from hilum_transform_deidentify.marks import METHOD_TEXT
from hilum_transform_deidentify.options import COLUMNS, METHODS, Option
from hilum_transform_deidentify.profile import UIDS_THAT_STAY
from hilum_transform_deidentify.tables import EDITION, read_table, tag_of

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "deidentification.md"
SECTION = re.compile(r"(<!-- made: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
BECOMES = {"1": "a dummy", "2": "empty"}
SHORT = {
    Option.FULL_DATES: "full dates",
    Option.MODIFIED_DATES: "modified dates",
    Option.UIDS: "UIDs",
    Option.DEVICE_IDENTITY: "device",
    Option.INSTITUTION_IDENTITY: "institution",
    Option.PATIENT_CHARACTERISTICS: "patient",
    Option.SAFE_PRIVATE: "safe private",
    Option.STRUCTURED_CONTENT: "content",
    Option.GRAPHICS: "graphics",
}


def written() -> str:
    """Give the page with every table made anew."""
    return SECTION.sub(lambda found: found[1] + MAKERS[found[2]]() + found[4], PAGE.read_text())


def uids() -> str:
    return "".join(f"  - {_tag(tag)} {dictionary_keyword(tag)}\n" for tag in sorted(UIDS_THAT_STAY))


def dummies() -> str:
    by_value: dict[str, list[str]] = {}
    for vr in sorted(TEXT | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UR"}):
        by_value.setdefault(dummy_value(vr).decode(), []).append(vr)
    rows = [f"| {', '.join(vrs)} | `{value}` |" for value, vrs in by_value.items()]
    return _lines("  ", ["| VR | value |", "|---|---|", *rows, "| numbers and bytes | zeros |"])


def wanted() -> str:
    names = {tag_of(row["tag"]): row for row in read_table("attributes")}
    rows = [
        f"| {_tag(tag)} {names[tag]['name']} | {_name(sequence, names)} | {BECOMES[type_]} |"
        for (sequence, tag), type_ in sorted(places_wanted().items(), key=lambda item: item[0][::-1])
        if names[tag]["basic_profile"] == "X" and type_ in BECOMES
    ]
    return _lines("", ["| attribute | in | becomes |", "|---|---|---|", *rows])


def attributes() -> str:
    rows = [
        f"| {row['tag']} | {row['name']} | {row['basic_profile']} | {', '.join(_options(row))} |"
        for row in sorted(read_table("attributes"), key=lambda row: row["tag"])
    ]
    return _lines("", ["| tag | name | profile | options |", "|---|---|---|---|", *rows])


def _options(row: dict[str, str]) -> Iterator[str]:
    for option, name in SHORT.items():
        if row[COLUMNS[option]]:
            yield f"{name} {row[COLUMNS[option]]}"


def _name(sequence: int, names: dict[int | None, dict[str, str]]) -> str:
    if not sequence:
        return "the object"
    return names[sequence]["keyword"] if sequence in names else dictionary_keyword(sequence)


def _tag(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _lines(indent: str, lines: Iterable[str]) -> str:
    return "".join(f"{indent}{line}\n" for line in lines)


MAKERS = {"uids": uids, "dummies": dummies, "wanted": wanted, "attributes": attributes}


def test_the_tables_of_the_statement_are_those_of_the_code():
    stale = [found[2] for found in SECTION.finditer(PAGE.read_text()) if found[3] != MAKERS[found[2]]()]
    assert {found[2] for found in SECTION.finditer(PAGE.read_text())} == MAKERS.keys()
    assert not stale, f"write them anew: python {Path(__file__).name}"


def test_the_statement_names_every_option_with_its_code():
    text = PAGE.read_text()
    assert [o.value for o, m in METHODS.items() if f'"{o.value}"]` | {m.code} |' not in text] == []
    assert EDITION in text
    assert len(METHOD_TEXT) <= 64


if __name__ == "__main__":
    PAGE.write_text(written())
