"""One object while it is edited: texts are read and written here, checked by VR and character set."""

from __future__ import annotations

from collections.abc import Callable

from hilum_sdk import Draft, ElementEditor, Hold, PermanentError
from hilum_sdk.elements.encoding import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from hilum_sdk.elements.vr import PLAIN_TEXT, TEXT, pad
from hilum_sdk.paths import ElementPath
from hilum_transform_edit.names import ElementName
from hilum_transform_edit.templates import Template
from hilum_transform_edit.values import ONE_VALUE, ElementValue, checked

Rewrite = Callable[[str], str]


class HeldError(Exception):
    """The object waits for a person; carries the verdict of `Transform.apply`."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(hold.reason)
        self.hold = hold


class Scene:
    """What edits see of an object, and how they change it."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._is_big_endian = draft.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
        self._says_vrs = draft.transfer_syntax_uid != IMPLICIT_VR_LITTLE_ENDIAN

    @property
    def elements(self) -> ElementEditor:
        """The raw elements."""
        return self._draft.elements

    def fill(self, template: Template) -> str:
        """Fill a template in with what the object says now."""
        return template.fill(self._draft.instance, self.first_text)

    def first_text(self, name: ElementName) -> str:
        """The first value of the element, empty where there is none; raises PermanentError as `text` does."""
        for place in name.places(self.elements):
            if text := self.text(name, place):
                return text.split("\\")[0]
        return ""

    def text(self, name: ElementName, place: ElementPath) -> str:
        """The text of an element, stripped; raises PermanentError if it cannot be read."""
        try:
            return (self.elements.text(place) or "").strip()
        except PermanentError as error:
            raise PermanentError(f"{name}: {error}") from None

    def vr_at(self, name: ElementName, place: ElementPath) -> str:
        """The VR of what stands there, or would by the dictionary."""
        there = self.elements.get(place)
        known = name.vr
        return there.vr if there is not None and there.vr != "UN" else known

    def put(self, place: ElementPath, value: ElementValue) -> bool:
        """Set one element; False if it had that value already. Raises PermanentError if it cannot hold it."""
        encoded = value.encoded(self.elements, place, is_big_endian=self._is_big_endian)
        return self.put_bytes(place, value.vr, encoded)

    def put_bytes(self, place: ElementPath, vr: str, value: bytes) -> bool:
        """Do the same with a value that is encoded already, in the object's byte order."""
        there = self.elements.get(place)
        same_vr = there is not None and (there.vr == vr or not self._says_vrs)
        if there is not None and same_vr and there.value == pad(vr, value):
            return False
        try:
            self.elements.put(place, vr, value)
        except ValueError as error:
            raise PermanentError(str(error)) from None
        return True

    def rewrite(self, name: ElementName, change: Rewrite) -> int:
        """Change each value of the text of an element wherever it is; give how many are others now."""
        return sum(self._rewrite(name, place, change) for place in name.places(self.elements))

    def _rewrite(self, name: ElementName, place: ElementPath, change: Rewrite) -> bool:
        vr = self.vr_at(name, place)
        if self.elements.get(place) is None or vr not in TEXT | PLAIN_TEXT:
            return False
        text = self.text(name, place)
        values = [text] if vr in ONE_VALUE else text.split("\\")
        changed = "\\".join(change(value) if value else "" for value in values)
        return changed != text and self.put(place, checked(vr, changed))
