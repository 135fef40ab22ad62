"""Records to JSON and back, for what crosses between coordinator and worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import cattrs

T = TypeVar("T")

_converter = cattrs.Converter(forbid_extra_keys=True)
_converter.register_unstructure_hook(datetime, lambda at: at.timestamp())
_converter.register_structure_hook(datetime, lambda at, _: datetime.fromtimestamp(at, UTC))
_converter.register_unstructure_hook(Path, str)
_converter.register_structure_hook(Path, lambda text, _: Path(text))
_converter.register_unstructure_hook(timedelta, lambda span: span.total_seconds())
_converter.register_structure_hook(timedelta, lambda span, _: timedelta(seconds=span))


def pack(record: Any) -> Any:
    """A record as what JSON can carry."""
    return _converter.unstructure(record)


def unpack(value: Any, cls: type[T]) -> T:
    """The record again."""
    return _converter.structure(value, cls)
