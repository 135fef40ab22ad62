"""What is known of a config class's fields beside their types: key, help, example."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs

Attribute: TypeAlias = "attrs.Attribute[Any]"
_Factory: type[Any] = type(attrs.Factory(list))  # the stubs show a function


def about(text: str, *, key: str | None = None, example: str | None = None) -> dict[str, Any]:
    """Describe a field, as ``attrs.field(metadata=about("…"))``.

    Parameters
    ----------
    text
        What the setting does, for the person who sets it: one or two sentences.
    key
        What users write, where it cannot be the name of an attribute: ``from``, or ``a-b``.
    example
        A value as TOML writes it, quotes included.
    """
    said = {"help": text, "key": key, "example": example}
    return {name: value for name, value in said.items() if value is not None}


def key_of(field: Attribute) -> str:
    """Give the key that stands for this field in TOML."""
    return str(field.metadata.get("key", field.alias))


def fields_of(cls: type[Any]) -> dict[str, Attribute]:
    """Give the fields that TOML can set, by key, with their types resolved."""
    attrs.resolve_types(cls)
    return {key_of(field): field for field in attrs.fields(cls) if field.init}


def default_of(field: Attribute, draft: object = None) -> Any:
    """Give the default of a field that has one.

    `draft` is the object so far, of which some defaults are made: they raise AttributeError where it
    lacks what they want.
    """
    default: Any = field.default
    if not isinstance(default, _Factory):
        return default
    return default.factory(draft) if default.takes_self else default.factory()
