"""A lookup table: a CSV file with a header line, read again when it changes."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from hilum_sdk import ConfigError, TemporaryError

_MOST_BYTES = 64 << 20


@attrs.frozen
class _State:
    """What was read last, and of which state of the file."""

    stamp: tuple[int, int, int]
    digest: str
    values: Mapping[str, str]


class LookupTable:
    """Gives for a key the value in the same line.

    Parameters
    ----------
    key, value
        The columns by their names in the header line; the first and the second by default.
    """

    def __init__(self, path: Path, key: str | None = None, value: str | None = None) -> None:
        self._path = path
        self._columns = (key, value)
        self._state: _State | None = None

    def open(self) -> None:
        """Read the file. Raises ConfigError if it is not there, or not such a table."""
        try:
            self._refresh()
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(f"{self._path}: {error}") from None

    def find(self, key: str) -> str | None:
        """The value for a key, None where the table has no such key.

        Raises
        ------
        TemporaryError
            The file has changed and cannot be read now; who waits gets the answer later.
        """
        return self._current().values.get(key)

    def digest(self) -> str:
        """SHA-256 of the file as it now is; raises as `find` does."""
        return self._current().digest

    def _current(self) -> _State:
        try:
            return self._refresh()
        except OSError as error:
            raise TemporaryError(f"{self._path} cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise TemporaryError(f"{self._path}: {error}") from None

    def _refresh(self) -> _State:
        stamp = _stamp(os.stat(self._path))  # noqa: PTH116 - on the path of every object
        if self._state is None or self._state.stamp != stamp:
            with self._path.open("rb") as file:
                stamp = _stamp(os.fstat(file.fileno()))
                data = file.read(_MOST_BYTES + 1)
            values = _read(data, *self._columns)
            self._state = _State(stamp, hashlib.sha256(data).hexdigest(), values)
        return self._state


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read(data: bytes, key: str | None, value: str | None) -> Mapping[str, str]:
    """Read the lines; raises ValueError, which quotes no cell: cells may identify patients."""
    if len(data) > _MOST_BYTES:
        raise ValueError(f"is larger than {_MOST_BYTES >> 20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text; save it as CSV in UTF-8") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(lines, [])]
        columns = _column(header, key, 0), _column(header, value, 1)
        values: dict[str, str] = {}
        for cells in lines:
            if any(cells):
                _take(values, cells, columns, lines.line_num)
    except csv.Error as error:
        raise ValueError(f"line {lines.line_num}: is not CSV ({error})") from None
    return values


def _column(header: list[str], name: str | None, default: int) -> int:
    if name is None:
        if len(header) < 2:
            raise ValueError("needs a header line with at least two columns")
        return default
    if name not in header:
        raise ValueError(f"has no column {name!r}; there are: {', '.join(header) or 'none'}")
    return header.index(name)


def _take(values: dict[str, str], cells: list[str], columns: tuple[int, int], line: int) -> None:
    if len(cells) <= max(columns):
        raise ValueError(f"line {line}: has {len(cells)} columns, needs {max(columns) + 1}")
    key, value = (cells[column].strip() for column in columns)
    if values.setdefault(key, value) != value:
        raise ValueError(f"line {line}: its key stands there before, with another value")
