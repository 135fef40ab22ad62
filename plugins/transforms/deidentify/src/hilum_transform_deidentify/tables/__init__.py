"""The tables of the standard as data. Each file says on top of which edition it is, or where it is from."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from importlib.resources import files

EDITION = "2026d"
"""The edition of PS3.15 whose tables these are."""


def read_table(name: str) -> Sequence[dict[str, str]]:
    """Read the rows of a table, such as ``"attributes"``, by the names of its columns."""
    text = files(__name__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))


def tag_of(text: str) -> int | None:
    """The tag that is written ``(0010,0020)`` or ``00100020``; None of a pattern."""
    try:
        return int(text.strip("()").replace(",", ""), 16)
    except ValueError:
        return None
