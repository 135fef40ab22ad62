"""``lookup``: elements get the value that a table has for a key."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal, cast, get_args

import attrs

from hilum_sdk import Hold, PermanentError
from hilum_transform_edit.edits import Edits, ElementEdit, table_of
from hilum_transform_edit.forbidden import refuse_setting
from hilum_transform_edit.lookup_table import LookupTable
from hilum_transform_edit.names import ElementName, parse_name
from hilum_transform_edit.scene import HeldError, Scene
from hilum_transform_edit.templates import Template
from hilum_transform_edit.values import checked

Missing = Literal["keep", "blank", "fail", "hold"]

_KEYS = ("table", "key", "missing", "key_column", "value_column")


@attrs.frozen
class Lookup(ElementEdit):
    """An element, the table, and what to do with an object whose key is not in it."""

    name: ElementName
    table: LookupTable = attrs.field(eq=False)
    key: Template
    missing: Missing = "hold"

    def look(self, scene: Scene) -> str | None:
        """Look the key up, as the object came."""
        found = self.table.find(scene.fill(self.key))
        if found is not None:
            return found
        if self.missing == "fail":
            raise PermanentError("the table has no such key; add it, then retry the delivery")
        if self.missing == "hold":
            reason = f"{self.name}: the lookup table does not have its key; add it, then release the delivery"
            raise HeldError(Hold(reason=reason, code="lookup"))
        return "" if self.missing == "blank" else None

    def change(self, scene: Scene, seen: str | None) -> int:
        """Write the value, if there is one."""
        if seen is None:
            return 0
        return sum(
            scene.put(place, checked(scene.vr_at(self.name, place), seen))
            for place in self.name.to_make(scene.elements)
        )


@attrs.frozen
class Lookups(Edits):
    """All elements to look up."""

    config_words: ClassVar[str] = "a table of lookups by element"
    all: tuple[Lookup, ...]

    @classmethod
    def one(cls, key: str, raw: Any) -> Lookup:
        """Read one element and its table."""
        name = parse_name(key)
        refuse_setting(name.path, to_the_same=False)
        if not name.vr or name.vr == "SQ":
            raise ValueError(f"{name} has no VR in the dictionary that holds text; it cannot be looked up")
        table = table_of(raw, _KEYS, short="table")
        for one, value in table.items():
            if not isinstance(value, str) or not value:
                raise ValueError(f"{one}: expected a text, got {value!r}")
        missing = table.get("missing", "hold")
        if missing not in get_args(Missing):
            raise ValueError(f"missing is one of {', '.join(get_args(Missing))}, got {missing!r}")
        path = Path(table["table"])
        if not path.is_absolute():
            raise ValueError("table: write the whole path, beginning with '/'")
        return Lookup(
            name,
            LookupTable(path, table.get("key_column"), table.get("value_column")),
            Template.parse(table.get("key", f"{{{name}}}")),
            cast("Missing", missing),
        )
