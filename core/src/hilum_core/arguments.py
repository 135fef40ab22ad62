"""Frozen records as command lines: how a process of the router tells a child what it is to do."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

Arguments = TypeVar("Arguments")

_READERS = {"Path": Path, "int": int, "float": float}


def command_line(arguments: Any) -> list[str]:
    """Write a record of strings, paths and numbers as ``--field-name=value`` words."""
    return [f"{_option(field)}={getattr(arguments, field.name)}" for field in attrs.fields(type(arguments))]


def from_command_line(cls: type[Arguments], argv: Sequence[str]) -> Arguments:
    """Read a record from the words that `command_line` made. Ends the process where they do not fit."""
    parser = argparse.ArgumentParser(description="A process of the Hilum router; `hilum run` starts it.")
    for field in attrs.fields(cls):  # type: ignore[arg-type]  # an attrs class, as all that call this have
        reader = _READERS.get(str(field.type), str)
        parser.add_argument(_option(field), type=reader, default=field.default)
    return cls(**vars(parser.parse_args(argv)))


def _option(field: attrs.Attribute[Any]) -> str:
    return f"--{field.name.replace('_', '-')}"
