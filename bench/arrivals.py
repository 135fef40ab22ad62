"""Whether what arrived is what was sent: every object, every byte of its data set."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs

from bench.objects import BenchObject

_MAGIC_AT = 128
_META_LENGTH_ENDS_AT = 144


@attrs.frozen(kw_only=True)
class Arrived:
    """What was found of the objects that were sent. ``exact`` are those whose bytes are the same."""

    expected: int
    exact: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing and nothing differs."""
        return self.exact == self.expected


def compare(sent: Sequence[BenchObject], files: Iterable[Path]) -> Arrived:
    """Look for each object among the files; files of other objects are no fault."""
    found = {zlib.crc32(data_set_of(path)) for path in files}
    return Arrived(expected=len(sent), exact=sum(one.checksum() in found for one in sent))


def data_set_of(path: Path) -> memoryview:
    """The data set in a file, with File Meta Information before it or not (PS3.10 7.1)."""
    content = memoryview(path.read_bytes())
    if bytes(content[_MAGIC_AT : _MAGIC_AT + 4]) != b"DICM":
        return content
    # (0002,0000) stands first and says how long the rest of the File Meta Information is.
    length = int.from_bytes(content[_META_LENGTH_ENDS_AT - 4 : _META_LENGTH_ENDS_AT], "little")
    return content[_META_LENGTH_ENDS_AT + length :]
