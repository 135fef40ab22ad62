"""Where the bytes of elements come from: a stretch of a file, or memory."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import BinaryIO

from hilum_sdk.elements.inflate import inflated
from hilum_sdk.elements.limits import Limits
from hilum_sdk.elements.segments import Piece, Segment, copy, length_of, write_all
from hilum_sdk.elements.window import Window, window_of_bytes, window_of_file


class Source:
    """Encoded elements that are looked at through a window, and copied as they are."""

    __slots__ = ("_whole", "window")

    def __init__(self, whole: Piece, limits: Limits) -> None:
        self._whole = whole
        self.window: Window
        if isinstance(whole, Segment):
            self.window = window_of_file(whole.file.fileno(), whole.offset, whole.length, limits)
        else:
            self.window = window_of_bytes(whole, limits)

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return length_of(self._whole)

    def piece(self, start: int, stop: int) -> Piece:
        """The stretch from `start` to `stop`, unread."""
        whole = self._whole
        if isinstance(whole, Segment):
            return Segment(file=whole.file, offset=whole.offset + start, length=stop - start)
        return whole[start:stop]


class Scratch:
    """Makes files without a name for what is too large for memory, in a folder that may hold patient data."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[io.FileIO] = []

    def file(self) -> io.FileIO:
        """Make an empty file, to be read and written, that `close` closes."""
        # A temporary file without a buffer is an io.FileIO; it never has a name on Linux.
        made = tempfile.TemporaryFile(buffering=0, dir=self._folder)  # noqa: SIM115 - `close` closes it
        assert isinstance(made, io.FileIO)
        self._files.append(made)
        return made

    def adopt(self, file: io.FileIO) -> None:
        """Close a file of somebody else with those made."""
        if file not in self._files:
            self._files.append(file)

    def keep(self, stream: BinaryIO) -> Segment:
        """Copy what is left of a stream into a file."""
        file = self.file()
        length = 0
        while chunk := stream.read(1 << 20):
            write_all(file, chunk)
            length += len(chunk)
        return Segment(file=file, offset=0, length=length)

    def keep_pieces(self, pieces: list[Piece]) -> Segment:
        """Copy pieces into one file."""
        file = self.file()
        return Segment(file=file, offset=0, length=copy(pieces, file))

    def inflate(self, deflated: BinaryIO, limits: Limits) -> Segment:
        """Inflate a deflated data set into a file."""
        file = self.file()
        length = 0
        for chunk in inflated(deflated, limits):
            write_all(file, chunk)
            length += len(chunk)
        return Segment(file=file, offset=0, length=length)

    def close(self) -> None:
        """Close all files made; safe twice."""
        for file in self._files:
            file.close()
        self._files.clear()
