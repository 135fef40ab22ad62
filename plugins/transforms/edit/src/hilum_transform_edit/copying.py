"""``copy`` and ``rename``: elements get the value of another, which with ``rename`` goes."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from hilum_sdk import PermanentError
from hilum_sdk.elements.vr import PLAIN_TEXT, TEXT
from hilum_sdk.paths import EVERY_ITEM, ElementPath
from hilum_transform_edit.edits import Edits, ElementEdit
from hilum_transform_edit.forbidden import refuse_removal, refuse_setting
from hilum_transform_edit.names import ElementName, parse_name
from hilum_transform_edit.scene import Scene
from hilum_transform_edit.values import checked

_ANY_TEXT = TEXT | PLAIN_TEXT


@attrs.frozen
class _Seen:
    """A value as it came: text, or bytes of another VR."""

    vr: str
    value: str | bytes


@attrs.frozen
class Copy(ElementEdit):
    """An element, and the one whose value it gets; where that is missing, nothing happens."""

    name: ElementName
    source: ElementName
    is_move: bool = False

    def look(self, scene: Scene) -> _Seen | None:
        """Read the source."""
        place = self._source_place(scene)
        if place is None:
            return None
        element = scene.elements.get(place)
        assert element is not None
        if element.is_sequence:
            raise PermanentError(f"{self.source} is a sequence, which is not copied")
        vr = scene.vr_at(self.source, place)
        if vr in _ANY_TEXT:
            return _Seen(vr, scene.text(self.source, place))
        if not isinstance(element.value, bytes):
            raise PermanentError(f"{self.source} is too long to be copied ({element.value.length} bytes)")
        return _Seen(vr, element.value)

    def change(self, scene: Scene, seen: _Seen | None) -> int:
        """Write the target, and take the source away if it moves."""
        if seen is None:
            return 0
        changed = sum(self._put(scene, place, seen) for place in self.name.to_make(scene.elements))
        source = self._source_place(scene)
        if self.is_move and source is not None:
            scene.elements.remove(source)
            changed += 1
        return changed

    def _source_place(self, scene: Scene) -> ElementPath | None:
        places = self.source.places(scene.elements)
        return next((place for place in places if scene.elements.get(place) is not None), None)

    def _put(self, scene: Scene, place: ElementPath, seen: _Seen) -> bool:
        vr = self.name.vr or seen.vr
        if isinstance(seen.value, str) and vr in _ANY_TEXT:
            return scene.put(place, checked(vr, seen.value))
        if isinstance(seen.value, bytes) and seen.vr in vr.split(" or "):
            return scene.put_bytes(place, seen.vr, seen.value)
        raise PermanentError(f"{self.source} has VR {seen.vr}, which does not go into VR {vr}")


@attrs.frozen
class Copies(Edits):
    """All elements to copy to, with where from."""

    config_words: ClassVar[str] = "a table of names by element"
    is_move: ClassVar[bool] = False

    @classmethod
    def one(cls, key: str, raw: Any) -> Copy:
        """Read one target and its source."""
        name, source = parse_name(key), parse_name(raw)
        refuse_setting(name.path)
        if EVERY_ITEM in source.path:
            raise ValueError(f"{source} may be several elements; say which item, such as [0]")
        if name == source:
            raise ValueError(f"{name} is its own source")
        for one in (name, source):
            if one.vr == "SQ":
                raise ValueError(f"{one} is a sequence, which is not copied; name elements of its items")
        if cls.is_move:
            refuse_removal(source.path)
        return Copy(name, source, cls.is_move)


@attrs.frozen
class Renames(Copies):
    """All elements to move to, with where from."""

    is_move: ClassVar[bool] = True
