"""``character_set``: all texts of an object become UTF-8 (ISO_IR 192), and nothing is guessed."""

from __future__ import annotations

from hilum_sdk import ElementEditor, Hold, PermanentError, RawElement
from hilum_sdk.elements.encoding import SPECIFIC_CHARACTER_SET
from hilum_sdk.elements.vr import TEXT, pad
from hilum_sdk.paths import ElementPath, name_tag
from hilum_transform_edit.scene import HeldError, Scene

_UTF_8 = b"ISO_IR 192"
_MOST_NAMES = 10


def convert_to_utf_8(scene: Scene) -> int:
    """Convert every text at every depth; give how many elements are others now.

    Raises
    ------
    HeldError
        Some text cannot be read in the character set that it is said to be in. Nothing was changed.
    """
    elements = scene.elements
    texts, own = _texts_of(elements)
    for path in own:
        elements.remove(path)
    changed = len(own)
    for path, vr, encoded in texts:
        changed += _put(elements, path, vr, encoded)
    return changed + _put(elements, (SPECIFIC_CHARACTER_SET,), "CS", _UTF_8)


def _texts_of(elements: ElementEditor) -> tuple[list[tuple[ElementPath, str, bytes]], list[ElementPath]]:
    """Every text in UTF-8, by path and VR, and the paths of character sets that items have of their own."""
    texts: list[tuple[ElementPath, str, bytes]] = []
    own: list[ElementPath] = []
    unread: list[str] = []
    for path, element in elements.walk():
        if element.tag == SPECIFIC_CHARACTER_SET and len(path) > 1:
            own.append(path)
        elif _is_text(element):
            try:
                texts.append((path, element.vr, (elements.text(path) or "").encode()))
            except PermanentError:
                unread.append(name_tag(element.tag))
    if unread:
        raise HeldError(_hold(unread))
    return texts, own


def _put(elements: ElementEditor, path: ElementPath, vr: str, encoded: bytes) -> bool:
    there = elements.get(path)
    if there is not None and there.value == pad(vr, encoded):
        return False
    elements.put(path, vr, encoded)
    return True


def _is_text(element: RawElement) -> bool:
    """Whether it is a text that its character set could write otherwise than UTF-8 does."""
    if element.vr not in TEXT:
        return False
    value = element.value
    return not isinstance(value, bytes) or not value.isascii() or b"\x1b" in value


def _hold(names: list[str]) -> Hold:
    listed = list(dict.fromkeys(names))
    shown = ", ".join(listed[:_MOST_NAMES]) + (" and others" if len(listed) > _MOST_NAMES else "")
    return Hold(
        reason=f"{shown}: cannot be read in the character set that the object declares; correct"
        " Specific Character Set at the modality, or send the object by a route that does not convert",
        code="undecodable",
    )
