"""The buffer that objects leave from: P-DATA-TF PDUs laid out once, the data set read into their gaps.

So 64 KiB of a file cost one `preadv` and one `send`, whatever the peer's maximum PDU: faster than
`sendfile`, with half the processor time. A larger buffer is slower: what is read leaves the processor's
cache before it is sent, and the peer waits meanwhile.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, Final, Protocol

import attrs

from hilum_core.crash_points import reach
from hilum_core.dicom.channel import PduChannel
from hilum_core.dicom.pdu import LAST, P_DATA_TF, PDU_HEADER, PDV_HEADER, PDV_OVERHEAD, fragment_bytes

_BUFFER_BYTES: Final = 64 * 1024
_COMMAND_ROOM: Final = 1024
_HEADERS: Final = PDU_HEADER.size + PDV_HEADER.size
_MOST_VIEWS: Final = 1024
"""IOV_MAX of Linux."""


class Source(Protocol):
    """Where the bytes of a data set come from."""

    @property
    def is_at_end(self) -> bool:
        """Whether all has been read."""
        ...

    def read_into(self, views: Sequence[memoryview]) -> int:
        """Read some bytes, filling the views in order; how many. At least one unless it is at its end."""
        ...


@attrs.frozen
class FileSegment:
    """A data set that stands in a file: ``length`` bytes from ``offset`` on. The file stays the caller's."""

    fd: int
    offset: int
    length: int


class SegmentSource:
    """Reads a `FileSegment`, without moving the position of the file."""

    def __init__(self, segment: FileSegment) -> None:
        self._fd = segment.fd
        self._offset = segment.offset
        self._left = segment.length

    @property
    def is_at_end(self) -> bool:
        """See `Source`."""
        return not self._left

    def read_into(self, views: Sequence[memoryview]) -> int:
        """See `Source`.

        Raises
        ------
        OSError
            The file cannot be read, or has become shorter than the segment.
        """
        count = os.preadv(self._fd, _at_most(views, self._left), self._offset)
        if not count:
            raise OSError(errno.ENODATA, "the file ends before its data set does")
        self._offset += count
        self._left -= count
        return count


class StreamSource:
    """Reads a binary stream one chunk ahead, to know which chunk is the last."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._ahead = self._read()

    @property
    def is_at_end(self) -> bool:
        """See `Source`."""
        return not self._ahead

    def read_into(self, views: Sequence[memoryview]) -> int:
        """See `Source`."""
        count = min(len(views[0]), len(self._ahead))
        views[0][:count] = self._ahead[:count]
        self._ahead = self._ahead[count:] or self._read()
        return count

    def _read(self) -> memoryview:
        return memoryview(self._stream.read(_BUFFER_BYTES))


class Outbox:
    """Sends data sets over one association, from a buffer of 64 KiB, whatever their size.

    A second buffer lets the next data set be read while the peer is at work on the last.
    """

    def __init__(self, channel: PduChannel, peer_max_pdu_bytes: int) -> None:
        self._channel = channel
        self._frame = _Frame(peer_max_pdu_bytes)
        self._spare = _Frame(peer_max_pdu_bytes)
        self._ready: tuple[FileSegment, SegmentSource, int] | None = None

    def get_ready(self, segment: FileSegment) -> None:
        """Read the first of a data set ahead: if this very segment is sent next, it leaves at once.

        Raises
        ------
        OSError
            The file cannot be read. Nothing was sent.
        """
        self._ready = None
        source = SegmentSource(segment)
        self._ready = segment, source, self._spare.fill(source)

    def send(
        self,
        context_id: int,
        command_pdus: bytes,
        data_set: FileSegment | BinaryIO,
        *,
        pad_odd: bool,
        each_step: Callable[[], object] | None = None,
    ) -> int:
        """Send a command set and its data set; returns how many bytes the data set had.

        The command and the first 64 KiB of the data set leave together.

        Parameters
        ----------
        pad_odd
            Append a byte 00H to a data set of odd length.
        each_step
            Called after each part that left, and every tick that none can.
        """
        source, filled = self._begin(data_set)
        frame = self._frame
        frame.set_context(context_id)
        start = self._put_command(command_pdus)
        total = filled
        while not source.is_at_end:
            self._channel.send(frame.view[start:], each_step=each_step)
            reach("deliver.worker.sending")
            start = _COMMAND_ROOM
            filled = frame.fill(source)
            total += filled
        if pad_odd and total % 2:
            filled = frame.pad(filled)
        with frame.ending(filled, context_id) as end:
            self._channel.send(frame.view[start:end], each_step=each_step)
        return total

    def _begin(self, data_set: FileSegment | BinaryIO) -> tuple[Source, int]:
        """Where the data set comes from, and how much of it is in the buffer already."""
        ready, self._ready = self._ready, None
        if ready is not None and ready[0] is data_set:
            self._frame, self._spare = self._spare, self._frame
            return ready[1], ready[2]
        source = SegmentSource(data_set) if isinstance(data_set, FileSegment) else StreamSource(data_set)
        return source, self._frame.fill(source)

    def _put_command(self, command_pdus: bytes) -> int:
        """Put the command right before the first PDU of the data set; where it begins."""
        start = _COMMAND_ROOM - len(command_pdus)
        if start < 0:  # the peer's PDUs are so small that a command takes a great many
            self._channel.send(command_pdus)
            return _COMMAND_ROOM
        self._frame.view[start:_COMMAND_ROOM] = command_pdus
        return start


class _Frame:
    """A buffer with P-DATA-TF PDUs laid out in it, gaps for their fragments, and room for a command."""

    def __init__(self, peer_max_pdu_bytes: int) -> None:
        self._fragment = fragment_bytes(peer_max_pdu_bytes, _BUFFER_BYTES - _HEADERS)
        self._stride = _HEADERS + self._fragment
        self._count = min(_BUFFER_BYTES // self._stride, _MOST_VIEWS)
        self._buffer = bytearray(_COMMAND_ROOM + self._count * self._stride)
        self.view = memoryview(self._buffer)
        starts = range(_COMMAND_ROOM, len(self._buffer), self._stride)
        self._gaps = [self.view[start + _HEADERS : start + self._stride] for start in starts]
        for index in range(self._count):
            self._write_headers(index, self._fragment, control=0)

    def set_context(self, context_id: int) -> None:
        """Put a presentation context ID into all PDUs."""
        ids = slice(_COMMAND_ROOM + _HEADERS - 2, None, self._stride)
        self._buffer[ids] = bytes((context_id,)) * self._count

    def fill(self, source: Source) -> int:
        """Read into the gaps until they are full or the source is at its end; how many bytes."""
        filled = 0
        capacity = self._count * self._fragment
        while filled < capacity and not source.is_at_end:
            index, used = divmod(filled, self._fragment)
            gaps = self._gaps[index:]
            gaps[0] = gaps[0][used:]
            filled += source.read_into(gaps)
        return filled

    def pad(self, filled: int) -> int:
        """Put a byte 00H behind what is filled, an odd number; fragments are even, so there is room."""
        self._gaps[filled // self._fragment][filled % self._fragment] = 0
        return filled + 1

    @contextmanager
    def ending(self, filled: int, context_id: int) -> Iterator[int]:
        """While the last fragment is marked as such: where what is filled ends."""
        index = max(filled - 1, 0) // self._fragment
        size = filled - index * self._fragment
        self._write_headers(index, size, context_id, control=LAST)
        try:
            yield _COMMAND_ROOM + index * self._stride + _HEADERS + size
        finally:
            self._write_headers(index, self._fragment, context_id, control=0)

    def _write_headers(self, index: int, size: int, context_id: int = 0, *, control: int) -> None:
        start = _COMMAND_ROOM + index * self._stride
        PDU_HEADER.pack_into(self._buffer, start, P_DATA_TF, size + PDV_OVERHEAD)
        PDV_HEADER.pack_into(self._buffer, start + PDU_HEADER.size, size + 2, context_id, control)


def _at_most(views: Sequence[memoryview], count: int) -> Sequence[memoryview]:
    kept = []
    for view in views:
        if count <= 0:
            break
        kept.append(view[:count])
        count -= len(view)
    return kept
