"""``set``: elements get a value, and are added where they are missing."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from hilum_sdk.elements.vr import KNOWN
from hilum_transform_edit.edits import Edits, ElementEdit, table_of
from hilum_transform_edit.forbidden import refuse_setting
from hilum_transform_edit.names import ElementName, parse_name
from hilum_transform_edit.scene import Scene
from hilum_transform_edit.values import ElementValue, TemplateValue, checked, read_value


@attrs.frozen
class Assignment(ElementEdit):
    """An element, and what it is set to."""

    name: ElementName
    value: ElementValue | TemplateValue

    def look(self, scene: Scene) -> ElementValue:
        """Fill in the variables."""
        if isinstance(self.value, ElementValue):
            return self.value
        return checked(self.value.vr, "\\".join(scene.fill(template) for template in self.value.templates))

    def change(self, scene: Scene, seen: ElementValue) -> int:
        """Set it in every place that there is for it."""
        return sum(scene.put(place, seen) for place in self.name.to_make(scene.elements))


@attrs.frozen
class Assignments(Edits):
    """All elements to set."""

    config_words: ClassVar[str] = "a table of values by element"

    @classmethod
    def one(cls, key: str, raw: Any) -> Assignment:
        """Read one element and its value."""
        name = parse_name(key)
        table = table_of(raw, ("vr", "value"), short="value")
        vr = vr_of(name, table.get("vr"))
        value = read_value(vr, table["value"])
        refuse_setting(name.path, to_the_same=isinstance(value, ElementValue))
        return Assignment(name, value)


def vr_of(name: ElementName, given: Any) -> str:
    """Settle the VR of an element: the dictionary's, or that given where it has none or leaves a choice."""
    choices = name.vr.split(" or ") if name.vr else sorted(KNOWN)
    if name.vr and given is None:
        if len(choices) > 1:
            raise ValueError(f"{name} has VR {name.vr}; say which: {{ vr, value }}")
        given = name.vr
    if name.vr == "SQ":
        raise ValueError(f"{name} is a sequence; set elements of its items by path, or remove it")
    if given is None:
        raise ValueError(f"the dictionary does not know {name}; give its VR: {{ vr, value }}")
    if given not in choices:
        raise ValueError(f"{name} cannot have VR {given!r}; it has {name.vr or 'one of PS3.5 6.2'}")
    return str(given)
