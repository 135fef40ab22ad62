"""Whether what arrived is what was sent: every object, every byte of its data set."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from bench.objects import BenchObject

_MAGIC_AT = 128
_META_LENGTH_ENDS_AT = 144
_PIECE_BYTES = 1 << 20


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
    found = {checksum_of(path) for path in files}
    return Arrived(expected=len(sent), exact=sum(one.checksum() in found for one in sent))


def files_below(folder: Path) -> Iterator[Path]:
    """All files of a folder and its folders, of which some may vanish meanwhile."""
    for parent, _, names in os.walk(folder):
        for name in names:
            yield Path(parent, name)


def checksum_of(path: Path) -> int:
    """The CRC-32 of the data set in a file, with File Meta Information before it or not (PS3.10 7.1)."""
    with path.open("rb") as file:
        start = file.read(_META_LENGTH_ENDS_AT)
        if start[_MAGIC_AT : _MAGIC_AT + 4] == b"DICM":
            # (0002,0000) stands first and says how long the rest of the File Meta Information is.
            length = int.from_bytes(start[_META_LENGTH_ENDS_AT - 4 :], "little")
            file.seek(_META_LENGTH_ENDS_AT + length)
            start = b""
        checksum = zlib.crc32(start)
        while piece := file.read(_PIECE_BYTES):
            checksum = zlib.crc32(piece, checksum)
        return checksum
