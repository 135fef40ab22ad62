"""The types of attributes in the IODs of SOP classes (PS3.5 7.4), for actions that depend on them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from hilum_transform_deidentify.tables import read_table

Place = tuple[int, int]
"""The innermost sequence around an attribute, 0 for none, and its tag."""

_STRICTEST_FIRST = ("1", "1C", "2", "2C")


@lru_cache(maxsize=64)
def types_of(sop_class_uid: str) -> Mapping[Place, str] | None:
    """The types of what a SOP class demands: 1, 1C, 2 or 2C; what is not there is of type 3.

    Of several modules the strictest counts. None of a class that is not known, a private one say.
    """
    modules = _modules_of_classes().get(sop_class_uid)
    if modules is None:
        return None
    found: dict[Place, str] = {}
    for module in modules:
        for place, type_ in _types_of_modules()[module].items():
            found[place] = min(type_, found.get(place, type_), key=_STRICTEST_FIRST.index)
    return found


@cache
def _modules_of_classes() -> Mapping[str, tuple[str, ...]]:
    return {row["sop_class_uid"]: tuple(row["modules"].split()) for row in read_table("modules")}


@cache
def _types_of_modules() -> Mapping[str, Mapping[Place, str]]:
    found: dict[str, dict[Place, str]] = {}
    for row in read_table("types"):
        place = (int(row["sequence"], 16), int(row["tag"], 16))
        found.setdefault(row["module"], {})[place] = row["type"]
    return found


def places_wanted() -> Mapping[Place, str]:
    """The strictest type that any module has for a place."""
    found: dict[Place, str] = {}
    for types in _types_of_modules().values():
        for place, type_ in types.items():
            found[place] = min(type_, found.get(place, type_), key=_STRICTEST_FIRST.index)
    return found
