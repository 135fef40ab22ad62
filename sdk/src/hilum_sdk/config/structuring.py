"""TOML values into the types of a config class: strictly, with every fault found in one go.

cattrs dispatches by type. What it would do by itself is replaced throughout, because it coerces
("false" to True, "CT" to ("C", "T")), drops unknown keys and stops at the first fault of a class.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import attrs
import cattrs

from hilum_sdk.config.problems import ConfigProblem, ConfigProblems, nearest, shown
from hilum_sdk.config.scalars import Reader, scalar_readers
from hilum_sdk.config.tables import structure_table
from hilum_sdk.config.words import WrongKind, choices_of, words

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

_ARRAYS: dict[Any, Callable[[Iterable[Any]], Any]] = {
    **dict.fromkeys((tuple, Sequence, Collection, Iterable), tuple),
    **dict.fromkeys((frozenset, AbstractSet), frozenset),
    list: list,
    set: set,
}
_TABLES = (dict, Mapping, MutableMapping)
# cattrs knows these as classes, subclasses included, and asks no predicate about them.
_CLASSES_OF_CATTRS = (str, bytes, int, float, Path)


def structure(
    table: Mapping[str, Any], cls: type[T], *, peers: Collection[str] | None = None, where: str = ""
) -> T:
    """Make a config object of a TOML table.

    Parameters
    ----------
    table
        What `tomli` read.
    cls
        An attrs class. Its fields may be str, int, float, bool, `Path`, timedelta, `Size`, `Secret`,
        `PeerName`, dates and times, Literal, Enum, unions, arrays (tuple, list, set, frozenset,
        Sequence), tables (Mapping, other attrs classes) and classes with ``from_config``
        (`ReadsConfig`).
    peers
        The peers that the config knows; None: any name will do.
    where
        The path of the table, which stands before every problem's own.

    Raises
    ------
    ConfigProblems
        Every fault of the table, validators included.
    TypeError
        The class has a field of a type that no TOML value can be.
    """
    converter = _converter(None if peers is None else frozenset(peers))
    try:
        return converter.structure(table, cls)
    except ConfigProblems as error:
        raise ConfigProblems(problem.within(where) for problem in error.problems) from None


@lru_cache(maxsize=8)
def _converter(peers: frozenset[str] | None) -> cattrs.Converter:
    converter = cattrs.Converter()
    readers = scalar_readers(peers)

    def scalar(field_type: Any) -> Hook:
        return _reading(field_type, readers[field_type])

    def class_of_cattrs(value: Any, field_type: Any) -> Any:
        if choices_of(field_type):
            return _choice(field_type)(value, field_type)
        if field_type in readers:
            return scalar(field_type)(value, field_type)
        return (_own if _reads_config(field_type) else _refuse)(field_type)(value, field_type)

    for cls in _CLASSES_OF_CATTRS:
        converter.register_structure_hook(cls, class_of_cattrs)
    # The last registered is asked first.
    add = converter.register_structure_hook_factory
    add(_is_no_wrapper, _refuse)
    add(lambda t: _origin(t) in _ARRAYS, _array)
    add(lambda t: _origin(t) in _TABLES, _mapping)
    add(lambda t: _origin(t) in (typing.Union, types.UnionType), _union)
    add(lambda t: isinstance(t, type) and attrs.has(t), _class)
    add(lambda t: bool(choices_of(t)), _choice)
    add(lambda t: t in readers, scalar)
    add(_reads_config, _own)
    return converter


def _origin(field_type: Any) -> Any:
    return typing.get_origin(field_type) or field_type


def _reads_config(field_type: Any) -> bool:
    return isinstance(field_type, type) and hasattr(field_type, "from_config")


def _is_no_wrapper(field_type: Any) -> bool:
    """Whether a type is not just another name for one: those cattrs unwraps by itself."""
    aliases = (typing.NewType, getattr(typing, "TypeAliasType", typing.NewType))
    return not isinstance(field_type, aliases) and _origin(field_type) not in (typing.Annotated, typing.Final)


def _refuse(field_type: Any) -> Hook:
    raise TypeError(f"a config field cannot be of type {field_type!r}: no TOML value becomes one")


def _reading(field_type: Any, read: Reader) -> Hook:
    def hook(value: Any, _: Any) -> Any:
        try:
            return read(value)
        except TypeError:
            raise WrongKind(field_type, value) from None
        except ValueError as error:
            raise ConfigProblems([ConfigProblem("", str(error))]) from None

    return hook


def _own(field_type: Any) -> Hook:
    return _reading(field_type, field_type.from_config)


def _choice(field_type: Any) -> Hook:
    choices = choices_of(field_type)
    is_enum = isinstance(field_type, type)

    def hook(value: Any, _: Any) -> Any:
        if any(type(value) is type(choice) and value == choice for choice in choices):
            return field_type(value) if is_enum else value
        texts = [choice for choice in choices if isinstance(choice, str)]
        near = nearest(value, texts) if isinstance(value, str) else None
        raise WrongKind(field_type, value, f"; did you mean {near!r}?" if near else "")

    return hook


# ---- what holds other values


def _class(field_type: Any, converter: cattrs.Converter) -> Hook:
    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise WrongKind(field_type, value)
        return structure_table(value, field_type, converter.structure)

    return hook


def _array(field_type: Any, converter: cattrs.Converter) -> Hook:
    origin, args = _origin(field_type), typing.get_args(field_type)
    is_fixed = origin is tuple and bool(args) and args[-1] is not Ellipsis

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise WrongKind(field_type, value, f"; write [{shown(value)}]" if isinstance(value, str) else "")
        if is_fixed and len(value) != len(args):
            raise ConfigProblems([ConfigProblem("", f"expected {words(field_type)}, got {len(value)}")])
        item_types = args if is_fixed else (args[0] if args else Any,) * len(value)
        items = enumerate(zip(value, item_types, strict=True))
        return _ARRAYS[origin](
            _gather((index, partial(converter.structure, *of_type)) for index, of_type in items)
        )

    return hook


def _mapping(field_type: Any, converter: cattrs.Converter) -> Hook:
    key_type, item_type = typing.get_args(field_type) or (str, Any)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise WrongKind(field_type, value)

        def entry(key: str) -> tuple[Any, Any]:
            return converter.structure(key, key_type), converter.structure(value[key], item_type)

        return dict(_gather((key, partial(entry, key)) for key in value))

    return hook


def _gather(parts: Iterable[tuple[str | int, Callable[[], Any]]]) -> list[Any]:
    """Make every part, and raise all their problems together."""
    made: list[Any] = []
    problems: list[ConfigProblem] = []
    for key, make in parts:
        try:
            made.append(make())
        except ConfigProblems as error:
            problems += error.under(key)
    if problems:
        raise ConfigProblems(problems)
    return made


def _union(field_type: Any, converter: cattrs.Converter) -> Hook:
    members = [member for member in typing.get_args(field_type) if member is not types.NoneType]

    def hook(value: Any, _: Any) -> Any:
        closest: ConfigProblems | None = None
        for member in members:
            try:
                return converter.structure(value, member)
            except WrongKind as error:
                refusal = error
            except ConfigProblems as error:
                if closest is None or len(error.problems) < len(closest.problems):
                    closest = error
        if closest is None and len(members) > 1:
            closest = WrongKind(field_type, value)
        raise closest or refusal

    return hook
