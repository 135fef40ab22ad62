"""Validators for the fields of config classes.

None passes: whether a value may be absent is the word of the field's type.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

# PS3.5 6.2: the default repertoire without backslash and control characters.
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
# PS3.5 9.1: components of digits, none but 0 itself beginning with 0.
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")


def ae_title(instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs' signature
    """An Application Entity title (PS3.5 6.2), without the spaces around it that are not significant."""
    if value is None:
        return
    if value != value.strip(" "):
        raise ValueError("an AE title is written without spaces around it")
    if not 1 <= len(value) <= 16:
        raise ValueError(f"an AE title has 1 to 16 characters (PS3.5 6.2), got {len(value)}")
    if not _AE_TITLE.fullmatch(value):
        raise ValueError("an AE title has neither backslash nor characters outside ASCII (PS3.5 6.2)")


def port_number(instance: object, attribute: attrs.Attribute[Any], value: int | None) -> None:  # noqa: ARG001 - attrs' signature
    """A TCP port that can be connected to."""
    if value is not None and not 1 <= value <= 65535:
        raise ValueError(f"must be 1 to 65535, got {value}")


def not_empty(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """A string with more than spaces in it, or an array or table with at least one entry."""
    if value is not None and not (value.strip() if isinstance(value, str) else value):
        raise ValueError("must not be empty")


def uid(instance: object, attribute: attrs.Attribute[Any], value: str | None) -> None:  # noqa: ARG001 - attrs' signature
    """A unique identifier (PS3.5 9.1)."""
    if value is not None and not (len(value) <= 64 and _UID.fullmatch(value)):
        raise ValueError("a UID is numbers joined by dots, at most 64 characters (PS3.5 9.1)")


def positive(instance: object, attribute: attrs.Attribute[Any], value: Any) -> None:  # noqa: ARG001 - attrs' signature
    """A number or duration greater than zero."""
    if value is not None and not value > type(value)():
        raise ValueError("must be greater than 0")
