"""``remove`` and ``remove_private``: elements go, with all below them."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, ClassVar, Self

import attrs

from hilum_transform_edit.edits import Edit, ElementEdit, gather, refuse_doubles
from hilum_transform_edit.forbidden import refuse_group_removal, refuse_removal
from hilum_transform_edit.names import ElementName, parse_name
from hilum_transform_edit.scene import Scene

_GROUP = re.compile(r"\(([0-9A-Fa-f]{4}),[xX]{4}\)")


@attrs.frozen
class Removal(ElementEdit):
    """An element to remove."""

    name: ElementName

    def change(self, scene: Scene, seen: None) -> int:  # noqa: ARG002 - as of Edit
        """Remove it from every place where it is."""
        places = self.name.places(scene.elements)
        there = [place for place in places if scene.elements.get(place) is not None]
        for place in there:
            scene.elements.remove(place)
        return len(there)


@attrs.frozen
class Removals:
    """Elements to remove, and groups to remove wherever they stand."""

    config_words: ClassVar[str] = "an array of elements"
    all: tuple[Removal, ...]
    groups: frozenset[int] = frozenset()

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read an array of names."""
        if not isinstance(value, list):
            raise TypeError
        made = gather((index, partial(_removal, name)) for index, name in enumerate(value))
        removals = [one for one in made if isinstance(one, Removal)]
        refuse_doubles(one.name for one in removals)
        removals.sort(key=lambda one: (one.name.path, one.name.text))
        return cls(tuple(removals), frozenset(one for one in made if isinstance(one, int)))


@attrs.frozen
class GroupRemoval(Edit):
    """Whole groups, or all private ones, at every depth."""

    groups: frozenset[int]
    private: bool
    name: str = "groups"

    def change(self, scene: Scene, seen: None) -> int:  # noqa: ARG002 - as of Edit
        """Remove what belongs to them."""
        removed = 0
        for path, element in scene.elements.walk():
            group = element.tag >> 16
            if group in self.groups or (self.private and group & 1):
                scene.elements.remove(path)
                removed += 1
        return removed


def _removal(text: Any) -> Removal | int:
    if isinstance(text, str) and (group := _GROUP.fullmatch(text)):
        number = int(group[1], 16)
        refuse_group_removal(number)
        return number
    name = parse_name(text)
    refuse_removal(name.path)
    return Removal(name)
