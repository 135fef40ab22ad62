"""The transform: each edit looks at the object as it came, then each in its turn changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from hilum_sdk import ComponentContext, Draft, Hold, PermanentError, TemporaryError, Transform
from hilum_transform_edit.character_set import convert_to_utf_8
from hilum_transform_edit.config import EditConfig
from hilum_transform_edit.edits import Edit
from hilum_transform_edit.scene import HeldError, Scene

_NOTES = {
    "copy": "copied",
    "rename": "renamed",
    "remove": "removed",
    "set": "set",
    "lookup": "looked up",
    "replace": "replaced",
    "prefix": "prefixed",
}


class EditTransform(Transform):
    """Applies the edits of its config, the same to every object: so a retry gives the same bytes."""

    config: EditConfig

    def __init__(self, config: EditConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._edits = [(key, edit) for key, edits in config.edits() for edit in edits]
        self._tables = [lookup.table for lookup in config.lookups.all] if config.lookups else []

    def open(self) -> None:
        """Read the lookup tables; raises ConfigError."""
        for table in self._tables:
            table.open()

    def probe(self) -> None:
        """See that the lookup tables can be read; raises TemporaryError."""
        for table in self._tables:
            table.digest()

    def fingerprint(self) -> str:
        """Stand for the lookup tables as they now are."""
        if not self._tables:
            return ""
        return hashlib.sha256("".join(table.digest() for table in self._tables).encode()).hexdigest()

    def apply(self, draft: Draft) -> Hold | None:
        """Change the draft; raises PermanentError where the object cannot take a value."""
        scene = Scene(draft)
        try:
            self._change(scene, draft.note)
        except HeldError as held:
            return held.hold
        return None

    def _change(self, scene: Scene, note: Callable[..., None]) -> None:
        seen = [self._call(key, edit, edit.look, scene) for key, edit in self._edits]
        for (key, edit), known in zip(self._edits, seen, strict=True):
            _count(note, _NOTES[key], self._call(key, edit, edit.change, scene, known))
        if self.config.character_set is not None:
            _count(note, "converted", convert_to_utf_8(scene))

    def _call(self, key: str, edit: Edit, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call a method of an edit; what it raises names its line of the config."""
        line = f"{self.context.label}.{key}.{edit.name}"
        try:
            return call(*arguments)
        except PermanentError as error:
            raise PermanentError(f"{line}: {error}") from None
        except TemporaryError as error:
            raise TemporaryError(f"{line}: {error}") from None


def _count(note: Callable[..., None], code: str, count: int) -> None:
    if count:
        note(code, count=count)
