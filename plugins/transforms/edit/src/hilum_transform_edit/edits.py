"""The edits of a config: which element, and what becomes of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, Self, TypeVar

import attrs

from hilum_sdk.config import ConfigProblem, ConfigProblems, nearest
from hilum_sdk.elements.vr import KNOWN, dictionary_vr
from hilum_sdk.paths import ElementPath, name_path, name_tag, parse_path
from hilum_transform_edit.forbidden import refuse_group_removal, refuse_removal, refuse_setting
from hilum_transform_edit.values import ElementValue, read_value

T = TypeVar("T")

_KEYS = ("vr", "value", "creator")
_GROUP = re.compile(r"\(([0-9A-Fa-f]{4}),[xX]{4}\)")


@attrs.frozen
class Assignment:
    """An element to set. ``creator`` is whose private block it belongs to (PS3.5 7.8.1)."""

    path: ElementPath
    value: ElementValue
    creator: ElementValue | None = None

    @property
    def creator_tag(self) -> int:
        """The element that reserves the block of a private one: (gggg,0010-00FF)."""
        tag = self.path[-1]
        return tag & 0xFFFF0000 | tag >> 8 & 0xFF


@attrs.frozen
class Assignments:
    """All elements to set, in the order of their paths."""

    config_words: ClassVar[str] = "a table of values by element"
    all: tuple[Assignment, ...]

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read a table whose keys name elements."""
        if not isinstance(value, Mapping):
            raise TypeError
        made = _gather((key, partial(_assignment, key, raw)) for key, raw in value.items())
        _refuse_doubles(edit.path for edit in made)
        return cls(tuple(sorted(made, key=lambda edit: edit.path)))


@attrs.frozen
class Removals:
    """Elements to remove, and groups to remove wherever they stand."""

    config_words: ClassVar[str] = "an array of elements"
    paths: tuple[ElementPath, ...]
    groups: frozenset[int] = frozenset()

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read an array of names."""
        if not isinstance(value, list):
            raise TypeError
        made = _gather((index, partial(_removal, name)) for index, name in enumerate(value))
        paths = [one for one in made if isinstance(one, tuple)]
        _refuse_doubles(paths)
        return cls(tuple(sorted(paths)), frozenset(one for one in made if isinstance(one, int)))


def _assignment(name: str, raw: Any) -> Assignment:
    path = parse_path(name)
    refuse_setting(path)
    table = raw if isinstance(raw, Mapping) else {"value": raw}
    for key in table:
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            meant = f"did you mean {near!r}?" if near else f"known: {', '.join(_KEYS)}"
            raise ValueError(f"unknown key {key!r}; {meant}")
    if "value" not in table:
        raise ValueError("has no value; write { vr, value }")
    value = read_value(_vr(path[-1], table.get("vr")), table["value"])
    if "creator" not in table:
        return Assignment(path, value)
    if not (path[-1] >> 16 & 1 and path[-1] & 0xFFFF >= 0x1000):
        raise ValueError(f"{name_tag(path[-1])} is no private element of a block, so it has no creator")
    creator = read_value("LO", table["creator"])
    if not creator.text or not creator.is_plain or "\\" in creator.text:
        raise ValueError("a private creator is one text in ASCII")
    return Assignment(path, value, creator)


def _vr(tag: int, given: Any) -> str:
    """Settle the VR of an element: the dictionary's, or that given where it has none or leaves a choice."""
    known = dictionary_vr(tag)
    choices = known.split(" or ") if known else sorted(KNOWN)
    if known and given is None:
        if len(choices) > 1:
            raise ValueError(f"{name_tag(tag)} has VR {known}; say which: {{ vr, value }}")
        given = known
    if known == "SQ":
        raise ValueError(f"{name_tag(tag)} is a sequence; set elements of its items by path, or remove it")
    if given is None:
        raise ValueError(f"the dictionary does not know {name_tag(tag)}; give its VR: {{ vr, value }}")
    if given not in choices:
        raise ValueError(f"{name_tag(tag)} cannot have VR {given!r}; it has {known or 'one of PS3.5 6.2'}")
    return str(given)


def _removal(name: Any) -> ElementPath | int:
    if not isinstance(name, str):
        raise ValueError(f"expected the name of an element, got {name!r}")  # noqa: TRY004 - as parse_path says
    if group := _GROUP.fullmatch(name):
        number = int(group[1], 16)
        refuse_group_removal(number)
        return number
    path = parse_path(name)
    refuse_removal(path)
    return path


def _refuse_doubles(paths: Iterable[ElementPath]) -> None:
    seen: set[ElementPath] = set()
    for path in paths:
        if path in seen:
            raise ValueError(f"{name_path(path)} stands there twice")
        seen.add(path)


def _gather(parts: Iterable[tuple[str | int, Callable[[], T]]]) -> list[T]:
    """Make every part, and raise all their faults together."""
    made: list[T] = []
    problems: list[ConfigProblem] = []
    for key, make in parts:
        try:
            made.append(make())
        except ValueError as error:
            problems.append(ConfigProblem("", str(error)).under(key))
    if problems:
        raise ConfigProblems(problems)
    return made
