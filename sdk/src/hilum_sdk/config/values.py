"""Values that TOML has no type for: durations, sizes, secrets; and how a type of one's own reads TOML."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, NewType, Protocol, Self, runtime_checkable

import attrs

from hilum_sdk.errors import ConfigError

Size = NewType("Size", int)
"""A number of bytes; in TOML an integer or a string such as "256MiB" or "10 GiB"."""

_UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_SIZE = re.compile(r"([0-9]{1,19}(?:\.[0-9]{1,6})?) ?([A-Za-z]+)")
_MOST_BYTES = 2**63 - 1

_PERIODS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_DURATION = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit}(?![a-z]))?" for unit in _PERIODS))


@runtime_checkable
class ReadsConfig(Protocol):
    """A type that reads its own value: give it this class method and use it as the type of a field.

    ``config_words`` is what the value is called, with its article, such as ``"a tag path"``.
    """

    config_words: ClassVar[str]

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Make the value of what stands in TOML.

        Raises
        ------
        TypeError
            It is not of the right kind; the text is not used.
        ValueError
            It is of the right kind and wrong; the text says how.
        """
        ...


@attrs.frozen
class Secret:
    """A password or key that stands outside the config: ``{ env = "NAME" }`` or ``{ file = "PATH" }``.

    Neither its text form nor any report holds the value, because the object never does.
    """

    config_words: ClassVar[str] = 'a secret by reference, { env = "NAME" } or { file = "PATH" }'

    env: str | None = attrs.field(default=None, kw_only=True)
    file: Path | None = attrs.field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret has either env or file")

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Take the reference; the value itself is read by `reveal` when it is needed."""
        match value:
            case {"env": str(name), **rest} if name and not rest:
                return cls(env=name)
            case {"file": str(path), **rest} if path and not rest:
                return cls(file=Path(path))
        # What stands there may be the secret itself: it is not quoted.
        raise ValueError(f"expected {cls.config_words}")

    def reveal(self) -> str:
        """Read the secret, without the line end of a file's last line. Never log it or put it in an error.

        Raises
        ------
        ConfigError
            The environment or the file system does not have it.
        """
        if self.env is not None:
            try:
                return os.environ[self.env]
            except KeyError:
                raise ConfigError(f"the environment has no variable {self.env}; set it") from None
        assert self.file is not None
        try:
            return self.file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ConfigError(f"the secret in {self.file} is not UTF-8 text") from None
        except OSError as error:
            raise ConfigError(f"the secret in {self.file} cannot be read: {error.strerror}") from None


def parse_size(value: object) -> Size:
    """Read a size. Raises TypeError for the wrong kind of value, ValueError for a wrong one."""
    if type(value) is int:
        number = value
    elif type(value) is str:
        found = _SIZE.fullmatch(value)
        if found is None or found[2] not in _UNITS:
            raise ValueError(f'a size is a number with one of {", ".join(_UNITS)}, such as "10 GiB"')
        exact = Decimal(found[1]) * _UNITS[found[2]]
        number = int(exact)
        if number != exact:
            raise ValueError("a size is a whole number of bytes")
    else:
        raise TypeError
    if not 0 <= number <= _MOST_BYTES:
        raise ValueError("a size is from 0 to 8 EiB")
    return Size(number)


def size_text(size: int) -> str:
    """Write a size as `parse_size` reads it, in the largest binary unit that holds it whole."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size and size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return f"{size}B"


def parse_duration(value: object) -> timedelta:
    """Read a duration. Raises TypeError for the wrong kind of value, ValueError for a wrong one."""
    if type(value) is not str:
        raise TypeError
    found = _DURATION.fullmatch(value)
    if not value or found is None:
        raise ValueError('a duration is written with d, h, m, s or ms, such as "15m", "14d" or "1h30m"')
    milliseconds = sum(int(n or 0) * unit for n, unit in zip(found.groups(), _PERIODS.values(), strict=True))
    try:
        return timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError("a duration is at most 999999999d") from None


def duration_text(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it; what is less than a millisecond is left out."""
    rest = duration // timedelta(milliseconds=1)
    pieces = []
    for unit, length in _PERIODS.items():
        count, rest = divmod(rest, length)
        if count:
            pieces.append(f"{count}{unit}")
    return "".join(pieces) or "0s"
