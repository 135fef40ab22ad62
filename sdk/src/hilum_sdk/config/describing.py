"""The help of a config class, taken from the class itself: for `hilum plugins show` and for the docs."""

from __future__ import annotations

import enum
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from hilum_sdk.config.fields import default_of, fields_of
from hilum_sdk.config.problems import join_path, scalar_text
from hilum_sdk.config.values import Size, duration_text, size_text
from hilum_sdk.config.words import words


@attrs.frozen(kw_only=True)
class FieldHelp:
    """What a person needs to know of one key.

    ``key`` is the path within the table: ``delivery.workers``; ``rules[].tag`` for a key of the
    tables of an array, ``hosts.NAME.port`` for one of tables by name. ``type`` is in words.
    ``default`` is as TOML writes it, empty where there is none to write; ``is_required`` tells a key
    that must be set from one that may be left out.
    """

    key: str
    type: str
    default: str
    is_required: bool
    help: str = ""
    example: str = ""


def describe(cls: type[Any]) -> Sequence[FieldHelp]:
    """Describe every key of a config class, in the order of its fields, inner tables included."""
    return tuple(_describe(cls, "", ()))


def _describe(cls: type[Any], prefix: str, seen: tuple[type[Any], ...]) -> Iterator[FieldHelp]:
    for key, field in fields_of(cls).items():
        path = join_path(prefix, key)
        yield FieldHelp(
            key=path,
            type=words(field.type),
            default=_default(field),
            is_required=field.default is attrs.NOTHING,
            help=field.metadata.get("help", ""),
            example=field.metadata.get("example", ""),
        )
        for below, inner in _inner_classes(field.type, path):
            if inner not in (*seen, cls):  # a class may hold itself
                yield from _describe(inner, below, (*seen, cls))


def _inner_classes(field_type: Any, path: str) -> Iterator[tuple[str, type[Any]]]:
    """Find the config classes within a type, with the path at which their keys stand."""
    if isinstance(field_type, type) and attrs.has(field_type) and not hasattr(field_type, "from_config"):
        yield path, field_type
        return
    origin, args = typing.get_origin(field_type), typing.get_args(field_type)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        yield from _inner_classes(args[1], f"{path}.NAME")
    elif origin in (tuple, list, set, frozenset, Sequence):
        yield from _inner_classes(args[0], f"{path}[]")
    else:
        for member in args:
            yield from _inner_classes(member, path)


def _default(field: attrs.Attribute[Any]) -> str:
    if field.default is attrs.NOTHING:
        return ""
    try:
        return toml_text(default_of(field), field.type)
    except AttributeError:
        return ""  # it is made of other fields


def toml_text(value: Any, field_type: Any = None) -> str:
    """Write a config value as TOML does; empty for None and for what is a table.

    `field_type` tells a `Size` from an integer.
    """
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, tuple | list | set | frozenset):
        return f"[{', '.join(toml_text(item) for item in value)}]"
    if field_type is Size or Size in typing.get_args(field_type):
        value = None if value is None else size_text(value)
    elif isinstance(value, timedelta):
        value = duration_text(value)
    elif isinstance(value, Path) or hasattr(type(value), "from_config"):
        value = str(value)
    return "" if value is None or isinstance(value, Mapping) or attrs.has(type(value)) else scalar_text(value)
