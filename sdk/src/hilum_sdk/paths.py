"""How users name elements: by keyword, by tag, or by a path of them that leads into sequences.

``Modality``, ``(0009,1001)``, ``RequestAttributesSequence.ScheduledStationAETitle`` (in every item),
``RequestAttributesSequence[0].ScheduledStationAETitle`` (in the first).
"""

from __future__ import annotations

import re

from pydicom import datadict

from hilum_sdk.config.problems import nearest
from hilum_sdk.elements.vr import dictionary_vr, name_tag

__all__ = ["EVERY_ITEM", "ElementPath", "name_path", "name_tag", "parse_path"]

ElementPath = tuple[int, ...]
"""Tags and item indices in turn, ending in a tag; `EVERY_ITEM` may stand in the place of an index.

Without `EVERY_ITEM` in it, it is a path of `ElementEditor`.
"""

EVERY_ITEM = -1

_STEP = re.compile(
    r"(?:(?P<keyword>[A-Za-z][A-Za-z0-9]*)|\((?P<tag>[0-9A-Fa-f]{4},[0-9A-Fa-f]{4})\))(?:\[(?P<item>[0-9]{1,9})\])?"
)
_SHAPES = "a keyword such as Modality, a tag such as (0008,0060), or a path of them joined by dots"
# PS3.5 7.1 and 7.8.1: command elements, delimiters, and odd groups that nobody may use.
_NO_ELEMENTS = frozenset({0x0000, 0x0001, 0x0003, 0x0005, 0x0007, 0xFFFE, 0xFFFF})


def parse_path(text: str) -> ElementPath:
    """Read the name of an element as users write it.

    Raises
    ------
    ValueError
        It names none; the text says why, with the nearest keyword where there is one.
    """
    path: list[int] = []
    steps = text.split(".")
    for number, step in enumerate(steps, start=1):
        found = _STEP.fullmatch(step.strip())
        if found is None:
            raise ValueError(f"{text!r} names no element; write {_SHAPES}")
        tag = _tag_of(found)
        item = found["item"]
        path.append(tag)
        if number < len(steps):
            _check_leads_on(tag, name_tag(tag))
            path.append(EVERY_ITEM if item is None else int(item))
        elif item is not None:
            raise ValueError(f"{text!r} names an item; name an element of it, such as {step}.CodeValue")
    return tuple(path)


def name_path(path: ElementPath) -> str:
    """Write a path as `parse_path` reads it."""
    text = name_tag(path[0])
    for item, tag in zip(path[1::2], path[2::2], strict=True):
        text += ("" if item == EVERY_ITEM else f"[{item}]") + "." + name_tag(tag)
    return text


def _tag_of(found: re.Match[str]) -> int:
    keyword = found["keyword"]
    if keyword is None:
        tag = int(found["tag"].replace(",", ""), 16)
        if tag >> 16 in _NO_ELEMENTS:
            raise ValueError(f"({found['tag']}) is no element of a data set")
        return tag
    known = datadict.tag_for_keyword(keyword)
    if known is None:
        near = nearest(keyword, datadict.keyword_dict)
        meant = f"; did you mean {near!r}?" if near else f"; write {_SHAPES}"
        raise ValueError(f"DICOM has no element called {keyword!r}{meant}")
    if known >> 16 in _NO_ELEMENTS:
        raise ValueError(f"{keyword} is no element of a data set")
    return known


def _check_leads_on(tag: int, name: str) -> None:
    vr = dictionary_vr(tag)
    if vr not in {"", "SQ"}:
        raise ValueError(f"{name} has VR {vr} and is no sequence, so nothing stands below it")
