"""Short values of raw elements, as the parts of this transform read them. What is not there is empty."""

from __future__ import annotations

from hilum_sdk import ElementEditor
from hilum_sdk.paths import ElementPath


def bytes_at(elements: ElementEditor, path: ElementPath) -> bytes:
    """The value as it is encoded; empty of a sequence, and of what is too long for memory."""
    element = elements.get(path)
    value = element.value if element is not None else b""
    return value if isinstance(value, bytes) else b""


def letters_at(elements: ElementEditor, path: ElementPath) -> bytes:
    """The same without padding."""
    return bytes_at(elements, path).strip(b" \0")


def text_at(elements: ElementEditor, path: ElementPath) -> str:
    """The same of what is written in plain letters; others are replaced."""
    return letters_at(elements, path).decode("ascii", "replace")
