"""Where commands print: results on stdout, everything else on stderr; colour on a terminal only."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

NEVER_SHOWN = frozenset({"patient_key", "location"})
"""What tells of a person or of where a person's files lie."""


_PIPED_WIDTH = 1000
"""Into a pipe or a file a row is one line, so that it can be searched for."""


def out(*, piped_width: int = _PIPED_WIDTH) -> Console:
    """The console of results. Values are printed as they are: no markup, no emoji, no guessing of numbers."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = piped_width
    return console


def err() -> Console:
    """The console of progress and notes."""
    return Console(stderr=True, markup=False, emoji=False, highlight=False)


def plain_table(*columns: str, right: Collection[str] = ()) -> Table:
    """Make a table without frames, which wraps in a narrow terminal and loses nothing."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def print_json(value: object, *, hide: Collection[str] = NEVER_SHOWN) -> None:
    """Print a value, our records included, as JSON on stdout."""
    click.echo(json.dumps(to_json(value, hide=hide), indent=2))


def to_json(value: Any, *, hide: Collection[str] = NEVER_SHOWN) -> Any:
    """Turn records into what JSON can carry: times as UTC text, durations in seconds."""
    if attrs.has(type(value)):
        fields = {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
        return to_json(fields, hide=hide)
    if isinstance(value, Mapping):
        return {str(key): to_json(item, hide=hide) for key, item in value.items() if key not in hide}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str | int | float | None):
        return value
    return [to_json(item, hide=hide) for item in value]
