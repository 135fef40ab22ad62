"""Stretches of open files, read or copied without passing through memory as a whole."""

from __future__ import annotations

import errno
import io
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import BinaryIO

import attrs

_CHUNK = 1 << 20
_STRETCH = 16 << 20
_WORTH_A_SYSCALL = 64 << 10
_CANNOT_COPY = frozenset(
    {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.ETXTBSY}
)


@attrs.frozen(kw_only=True)
class Segment:
    """A stretch of an open file, which somebody else closes."""

    file: io.FileIO
    offset: int
    length: int


Piece = bytes | Segment


def length_of(piece: Piece) -> int:
    """The length of a piece in bytes."""
    return piece.length if isinstance(piece, Segment) else len(piece)


class SegmentReader(io.RawIOBase, BinaryIO):
    """Reads pieces as one seekable stream. Unlike other raw streams it gives all that is asked for.

    Parameters
    ----------
    owned
        A file to close with the reader.
    """

    def __init__(self, pieces: Sequence[Piece], *, owned: io.FileIO | None = None) -> None:
        super().__init__()
        self._pieces = [piece for piece in pieces if length_of(piece)]
        self._starts = [0, *accumulate(length_of(piece) for piece in self._pieces)]
        self._position = 0
        self._owned = owned

    @property
    def size(self) -> int:
        """The length of the whole in bytes."""
        return self._starts[-1]

    def file_segment(self) -> tuple[int, int, int] | None:
        """Where the whole stands, as file descriptor, offset and length, if it is one stretch of a file.

        For who can read faster than through here. The descriptor is good until the reader is closed.
        """
        if len(self._pieces) == 1 and isinstance(piece := self._pieces[0], Segment):
            return piece.file.fileno(), piece.offset, piece.length
        return None

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Say where it stands."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move, and say where to."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._position = base + offset
        return self._position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read all that is asked for; fewer bytes only at the end."""
        left = max(self.size - self._position, 0)
        count = left if size is None or size < 0 else min(size, left)
        parts = []
        while count:
            part = self._part(count)
            parts.append(part)
            count -= len(part)
            self._position += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readall(self) -> bytes:
        """Read to the end."""
        return self.read()

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # any writable buffer
        """Fill the buffer; less only at the end."""
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._position < self.size:
            piece, at = self._at_position()
            if isinstance(piece, Segment):
                most = min(len(view) - done, piece.length - at)
                count = os.preadv(piece.file.fileno(), [view[done : done + most]], piece.offset + at)
                _require(count)
            else:
                part = piece[at : at + len(view) - done]
                count = len(part)
                view[done : done + count] = part
            done += count
            self._position += count
        return done

    def close(self) -> None:
        """Close the file that it owns, if any."""
        if self._owned is not None:
            self._owned.close()
        super().close()

    def _at_position(self) -> tuple[Piece, int]:
        number = bisect_right(self._starts, self._position) - 1
        return self._pieces[number], self._position - self._starts[number]

    def _part(self, most: int) -> bytes:
        piece, at = self._at_position()
        if isinstance(piece, bytes):
            return piece[at : at + most]
        part = os.pread(piece.file.fileno(), min(most, piece.length - at), piece.offset + at)
        _require(len(part))
        return part


class StoredValue:
    """A large value that stays on disk (`hilum_sdk.Bulk`)."""

    __slots__ = ("_piece",)

    def __init__(self, piece: Piece) -> None:
        self._piece = piece

    @property
    def length(self) -> int:
        """Bytes, padding included; of fragments, items and delimiters included."""
        return length_of(self._piece)

    def open(self) -> SegmentReader:
        """Open the value for reading from its first byte."""
        return SegmentReader([self._piece])


def joined(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Put together what stands side by side: adjacent stretches of a file, and bytes."""
    last: Piece = b""
    for piece in pieces:
        if (
            isinstance(last, Segment)
            and isinstance(piece, Segment)
            and piece.file is last.file
            and piece.offset == last.offset + last.length
        ):
            last = Segment(file=last.file, offset=last.offset, length=last.length + piece.length)
        elif isinstance(last, bytes) and isinstance(piece, bytes) and len(last) < _WORTH_A_SYSCALL:
            last += piece
        else:
            if length_of(last):
                yield last
            last = piece
    if length_of(last):
        yield last


def chunks_of(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """Read pieces in chunks of at most 1 MiB, or as large as bytes among them are."""
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from _read(piece)


def copy(pieces: Iterable[Piece], out: BinaryIO, *, written: Callable[[int], None] = lambda _: None) -> int:
    """Write pieces, letting the kernel copy long stretches from file to file; return the bytes written.

    ``written`` is told again and again how many bytes more there are, at most 16 MiB of a file at a time.
    """
    total = 0
    small: list[bytes] = []
    copies = _descriptor(out) is not None
    for piece in joined(pieces):
        total += length_of(piece)
        if isinstance(piece, bytes):
            small.append(piece)
        elif piece.length < _WORTH_A_SYSCALL:
            small.extend(_read(piece))
        else:
            _write_small(small, out, written)
            done = _copy_in_kernel(piece, out, written) if copies else 0
            if done < piece.length:
                copies = False
                rest = attrs.evolve(piece, offset=piece.offset + done, length=piece.length - done)
                for chunk in _read(rest):
                    write_all(out, chunk)
                    written(len(chunk))
    _write_small(small, out, written)
    return total


def write_all(out: BinaryIO, data: bytes) -> None:
    """Write all of `data`, to a raw file too, which may take less at a time."""
    written = out.write(data)
    while isinstance(out, io.RawIOBase) and written is not None and written < len(data):
        data = data[written:]
        written = out.write(data)


def _write_small(small: list[bytes], out: BinaryIO, written: Callable[[int], None]) -> None:
    data = b"".join(small)
    small.clear()
    write_all(out, data)
    written(len(data))


def _copy_in_kernel(piece: Segment, out: BinaryIO, written: Callable[[int], None]) -> int:
    """Copy as much as the kernel will; the rest is to be read and written."""
    out.flush()
    done = 0
    try:
        while done < piece.length:
            most = min(piece.length - done, _STRETCH)
            count = os.copy_file_range(piece.file.fileno(), out.fileno(), most, piece.offset + done)
            if not count:
                break
            done += count
            written(count)
    except OSError as error:
        if error.errno not in _CANNOT_COPY:
            raise
    if not isinstance(out, io.RawIOBase):
        out.seek(0, os.SEEK_CUR)  # a buffered file must learn where its descriptor stands
    return done


def _descriptor(out: BinaryIO) -> int | None:
    if not hasattr(os, "copy_file_range"):
        return None
    try:
        return out.fileno()
    except (OSError, AttributeError):
        return None


def _read(piece: Segment) -> Iterator[bytes]:
    offset, left = piece.offset, piece.length
    while left:
        chunk = os.pread(piece.file.fileno(), min(left, _CHUNK), offset)
        _require(len(chunk))
        yield chunk
        offset += len(chunk)
        left -= len(chunk)


def _require(count: int) -> None:
    if not count:
        raise EOFError("a file has become shorter while it was read")
