"""What a condition is, and whether values meet it. Pure: knows neither header nor config file."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Protocol

import attrs

from hilum_sdk.values import Value

_MOST_SHOWN = 5
_LONGEST_SHOWN = 64


class Test(Protocol):
    """Something that one value passes or does not. Its text form goes on with "wanted …"."""

    def passes(self, value: Value) -> bool:
        """Whether this value does."""
        ...


@attrs.frozen
class Equals:
    """The value is one of these, as text or as a number."""

    wanted: tuple[Value, ...]
    ignore_case: bool = False

    def passes(self, value: Value) -> bool:
        """Compare as text, then as numbers if both are."""
        text = _folded(value.text, self.ignore_case)
        return any(text == _folded(w.text, self.ignore_case) or _same_number(value, w) for w in self.wanted)

    def __str__(self) -> str:
        return " or ".join(repr(w.text) for w in self.wanted)


@attrs.frozen
class StartsWith:
    """The value begins with one of these."""

    wanted: tuple[str, ...]
    ignore_case: bool = False

    def passes(self, value: Value) -> bool:
        """Compare as text."""
        text = _folded(value.text, self.ignore_case)
        return any(text.startswith(_folded(w, self.ignore_case)) for w in self.wanted)

    def __str__(self) -> str:
        return "starting with " + " or ".join(map(repr, self.wanted))


@attrs.frozen
class Contains:
    """One of these stands somewhere in the value."""

    wanted: tuple[str, ...]
    ignore_case: bool = False

    def passes(self, value: Value) -> bool:
        """Compare as text."""
        text = _folded(value.text, self.ignore_case)
        return any(_folded(w, self.ignore_case) in text for w in self.wanted)

    def __str__(self) -> str:
        return "containing " + " or ".join(map(repr, self.wanted))


@attrs.frozen
class InNetwork:
    """The value is an address in one of these networks; one address is a network of one."""

    wanted: tuple[IPv4Network | IPv6Network, ...]

    def passes(self, value: Value) -> bool:
        """Compare as addresses; IPv4 in IPv6 is IPv4, and zones do not count."""
        try:
            address = ip_address(value.text.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in self.wanted)

    def __str__(self) -> str:
        return "in " + " or ".join(str(w.network_address if w.num_addresses == 1 else w) for w in self.wanted)


@attrs.frozen(kw_only=True)
class Condition:
    """What must hold of the values of an element; all parts of it must.

    One value must pass all of ``tests``. ``exists``: whether there is a value at all. ``unless``: a
    condition that must not hold, which is so where there is no value.
    """

    tests: tuple[Test, ...] = ()
    exists: bool | None = None
    unless: Condition | None = None

    def holds(self, values: Sequence[Value]) -> bool:
        """Whether these values, none if the element is missing or empty, meet the condition."""
        if self.exists is not None and bool(values) is not self.exists:
            return False
        if self.tests and not any(all(test.passes(value) for test in self.tests) for value in values):
            return False
        return self.unless is None or not self.unless.holds(values)

    def __str__(self) -> str:
        parts = [str(test) for test in self.tests]
        if self.exists is not None:
            parts.append("a value" if self.exists else "no value")
        if self.unless is not None:
            parts.append(f"not ({self.unless})")
        return " and ".join(parts)


def show(values: Sequence[Value]) -> str:
    """Show values to a person: the first few, cut short."""
    if not values:
        return "missing or empty"
    texts = [repr(v.text if len(v.text) <= _LONGEST_SHOWN else v.text[:_LONGEST_SHOWN] + "…") for v in values]
    more = "" if len(texts) <= _MOST_SHOWN else f" and {len(texts) - _MOST_SHOWN} more"
    return ", ".join(texts[:_MOST_SHOWN]) + more


def _folded(text: str, ignore_case: bool) -> str:  # noqa: FBT001 - passed through
    return text.casefold() if ignore_case else text


def _same_number(value: Value, wanted: Value) -> bool:
    if value.number is None or wanted.number is None:
        return False
    if value.is_single:
        # The 0.1 of a user is not the 0.1 of 32 bits unless it is rounded to them, too.
        return _single(value.number) == _single(wanted.number)
    return value.number == wanted.number


def _single(number: float) -> bytes | None:
    try:
        return struct.pack("<f", number)
    except OverflowError:
        return None
