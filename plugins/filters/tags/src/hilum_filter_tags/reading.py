"""Conditions as they stand in the config, read into `Condition` with every fault found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_interface, ip_network
from typing import Any, TypeVar

from pydicom.uid import UID_dictionary  # type: ignore[attr-defined] # documented, not re-exported

from hilum_filter_tags.conditions import Condition, Contains, Equals, InNetwork, StartsWith, Test
from hilum_sdk.config import ConfigProblem, ConfigProblems, nearest
from hilum_sdk.values import Value, number_in

T = TypeVar("T")

OPERATORS = ("equals", "starts_with", "contains", "exists", "not", "ignore_case")
_FORMS = "a value, an array of values, or a table with " + ", ".join(OPERATORS)

ReadEquals = Callable[[list[Any], bool], Test]
"""Makes the test of ``equals`` for one kind of element; raises ValueError."""


def read_condition(raw: Any, read_equals: ReadEquals, *, ignore_case: bool = False) -> Condition:
    """Read a condition: a value, an array of values, or a table of operators.

    Raises
    ------
    ConfigProblems
        All that is wrong with it.
    """
    if not isinstance(raw, Mapping):
        raw = {"equals": raw}
        faults = _Faults(flat=True)
    else:
        faults = _Faults()
    unknown = raw.keys() - OPERATORS
    for key in unknown:
        faults.add(key, _unknown_operator(key))
    ignore_case = faults.read(raw, "ignore_case", _read_flag) or (ignore_case and "ignore_case" not in raw)
    equals = faults.read(raw, "equals", lambda value: read_equals(_several(value), ignore_case))
    starts = faults.read(raw, "starts_with", lambda value: StartsWith(_texts(value), ignore_case))
    contains = faults.read(raw, "contains", lambda value: Contains(_texts(value), ignore_case))
    exists = faults.read(raw, "exists", _read_flag)
    unless = faults.read(
        raw, "not", lambda value: read_condition(value, read_equals, ignore_case=ignore_case)
    )
    if not unknown and not raw.keys() & set(OPERATORS[:-1]):
        faults.add("", f"asks for nothing; write {_FORMS}")
    faults.report()
    tests: tuple[Test | None, ...] = (equals, starts, contains)
    return Condition(tests=tuple(test for test in tests if test), exists=exists, unless=unless)


def equals_text(values: list[Any], ignore_case: bool) -> Test:  # noqa: FBT001 - as ReadEquals says
    """Compare as text; a number in the config is its text."""
    return Equals(tuple(Value(_text(value)) for value in values), ignore_case)


def equals_number(values: list[Any], ignore_case: bool) -> Test:  # noqa: FBT001
    """Compare as numbers too: 1, "1" and "1.0" are the same."""
    numbers = []
    for value in values:
        text = _text(value)
        number = number_in(text)
        if number is None:
            raise ValueError(f"the element holds numbers, {text!r} is none")
        numbers.append(Value(text, number))
    return Equals(tuple(numbers), ignore_case)


def equals_uid(values: list[Any], ignore_case: bool) -> Test:  # noqa: FBT001
    """Compare as UIDs, which may be written by their keyword (PS3.6 Annex A)."""
    return Equals(tuple(Value(_uid(_text(value))) for value in values), ignore_case)


def in_network(values: list[Any], ignore_case: bool) -> Test:  # noqa: ARG001, FBT001
    """Compare as addresses of computers, or networks of them."""
    networks = []
    for value in values:
        text = _text(value)
        try:
            networks.append(ip_network(text))
        except ValueError:
            networks_like_it = _network_near(text)
            raise ValueError(f"{text!r} is neither an address nor a network{networks_like_it}") from None
    return InNetwork(tuple(networks))


class _Faults:
    """Gathers what is wrong with a table; ``flat`` where the user wrote no table but a value alone."""

    def __init__(self, *, flat: bool = False) -> None:
        self._flat = flat
        self._found: list[ConfigProblem] = []

    def add(self, key: str, text: str) -> None:
        problem = ConfigProblem("", text)
        self._found.append(problem.under(key) if key and not self._flat else problem)

    def read(self, raw: Mapping[str, Any], key: str, read: Callable[[Any], T]) -> T | None:
        if key not in raw:
            return None
        try:
            return read(raw[key])
        except ConfigProblems as problems:
            self._found += problems.under(key)
        except ValueError as error:
            self.add(key, str(error))
        return None

    def report(self) -> None:
        if self._found:
            raise ConfigProblems(self._found)


def _unknown_operator(key: str) -> str:
    near = nearest(key, OPERATORS)
    return (
        f"unknown operator; did you mean {near!r}?"
        if near
        else f"unknown operator; there are: {', '.join(OPERATORS)}"
    )


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("expected true or false")  # noqa: TRY004 - _Faults reports ValueError
    return value


def _several(value: Any) -> list[Any]:
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError("an empty array matches nothing; leave the condition out or fill it")
    return values


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, _several(value)))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        text = "an element is compared with text or numbers; for its presence write { exists = true }"
        raise ValueError(text)  # noqa: TRY004 - as above
    if not isinstance(value, str | int | float):
        raise ValueError(f'expected {_FORMS}; dates are written as DICOM does, such as "20240131"')  # noqa: TRY004 - as above
    text = str(value).strip()
    if not text:
        raise ValueError(
            "empty text matches nothing; for an element without a value write { exists = false }"
        )
    return text


def _uid(text: str) -> str:
    if text.replace(".", "").isdigit():
        return text
    for uid, (*_, keyword) in UID_dictionary.items():
        if keyword == text:
            return uid
    near = nearest(text, [entry[4] for entry in UID_dictionary.values() if entry[4]])
    meant = f"; did you mean {near!r}?" if near else "; write a UID, or its keyword such as CTImageStorage"
    raise ValueError(f"{text!r} is no UID and no keyword of one{meant}")


def _network_near(text: str) -> str:
    try:
        return f"; did you mean {str(ip_interface(text).network)!r}?"
    except ValueError:
        return ", such as 10.1.20.5 or 10.1.0.0/16"
