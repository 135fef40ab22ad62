"""What the types of config fields are called, in reports of faults and in the help alike."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import attrs

from hilum_sdk.config.problems import ConfigProblem, ConfigProblems, shown
from hilum_sdk.config.values import Size
from hilum_sdk.records import PeerName

_NAMES: dict[Any, tuple[str, str]] = {
    str: ("a string", "strings"),
    int: ("an integer", "integers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "true or false"),
    datetime: ("a date with time", "dates with times"),
    date: ("a date", "dates"),
    time: ("a time of day", "times of day"),
    timedelta: ('a duration such as "15m"', 'durations such as "15m"'),
    Path: ("a path", "paths"),
    Size: ('a size such as "10 GiB"', 'sizes such as "10 GiB"'),
    PeerName: ("the name of a peer", "names of peers"),
    Any: ("any value", "any values"),
    object: ("any value", "any values"),
}


def words(field_type: Any, *, many: bool = False) -> str:
    """Call a type by its name for users: ``a string``, ``an array of names of peers``."""
    if field_type in _NAMES:
        return _NAMES[field_type][many]
    if hasattr(field_type, "from_config"):
        return f"values, each {field_type.config_words}" if many else str(field_type.config_words)
    choices = choices_of(field_type)
    if choices:
        return f"one of {', '.join(map(shown, choices))}"
    if attrs.has(field_type):
        return "tables" if many else "a table"
    if isinstance(field_type, typing.NewType):
        return words(field_type.__supertype__, many=many)
    return _of_generic(typing.get_origin(field_type) or field_type, typing.get_args(field_type), many=many)


def _of_generic(origin: Any, args: tuple[Any, ...], *, many: bool) -> str:
    if origin in (typing.Union, types.UnionType):
        return " or ".join(words(arg, many=many) for arg in args if arg is not types.NoneType)
    if origin is typing.Annotated:
        return words(args[0], many=many)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return ("tables" if many else "a table") + (f" of {words(args[1], many=True)}" if args else "")
    array = "arrays" if many else "an array"
    if origin is tuple and args and args[-1] is not Ellipsis:
        return f"{array} of {len(args)}: {', '.join(map(words, args))}"
    return array + (f" of {words(args[0], many=True)}" if args else "")


def choices_of(field_type: Any) -> tuple[Any, ...]:
    """Give the values that a Literal or an Enum allows; empty for other types."""
    if typing.get_origin(field_type) is typing.Literal:
        return typing.get_args(field_type)
    if isinstance(field_type, type) and issubclass(field_type, enum.Enum):
        return tuple(member.value for member in field_type)
    return ()


class WrongKind(ConfigProblems):
    """A value is not of the kind that the type wants; another type of a union may want it."""

    def __init__(self, field_type: Any, value: object, advice: str = "") -> None:
        text = f"expected {words(field_type)}, got {shown(value)}{advice}"
        super().__init__([ConfigProblem("", text)])
