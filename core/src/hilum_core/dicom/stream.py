"""Takes the incoming bytes of an association apart, without any socket.

The buffer is filled from outside (`room`, `received`) and `next_event` says what stands in it. A
P-DATA-TF is not collected but handed out in pieces as they come, each a view into the buffer, so
that memory does not depend on the size of objects or PDUs. Where the network cuts the bytes changes
only how many pieces a fragment comes in.
"""

from __future__ import annotations

from typing import Final

import attrs

from hilum_core.dicom.pdu import (
    A_ABORT,
    A_ASSOCIATE_RQ,
    COMMAND,
    LAST,
    P_DATA_TF,
    PDU_HEADER,
    PDV_HEADER,
    UNRECOGNISED_PDU,
    ProtocolError,
    WholePdu,
    name_of,
)

_TLS_HANDSHAKE: Final = 0x16
"""What stands where a PDU has its type when a caller begins with TLS (RFC 8446 5.1)."""

TOLERATED_EXCESS: Final = 6
"""Senders that take the maximum length for the fragment's are over it by the PDV's header: common."""


@attrs.frozen
class Piece:
    """A piece of a command set or data set. ``payload`` is valid until the buffer is filled again.

    ``is_last`` is true only of the last piece of the last fragment of a message part.
    """

    context_id: int
    is_command: bool
    is_last: bool
    payload: memoryview


class PduStream:
    """The incoming side of one association.

    Parameters
    ----------
    buffer_bytes
        How much is received at once. A PDU other than P-DATA-TF must fit into it as a whole.
    max_pdu_bytes
        What we announced. A larger P-DATA-TF is counted in `oversized`, and read all the same.
    most_pdu_bytes
        What no P-DATA-TF may exceed: beyond it the length is taken for garbage.

    Attributes
    ----------
    total
        All bytes received so far.
    """

    def __init__(self, *, buffer_bytes: int, max_pdu_bytes: int, most_pdu_bytes: int) -> None:
        self.oversized = 0
        self.total = 0
        self._view = memoryview(bytearray(buffer_bytes))
        self._start = 0
        self._end = 0
        self._pdu_left = 0
        self._pdv_left = 0
        self._context_id = 0
        self._control = 0
        self._max_pdu_bytes = max_pdu_bytes
        self._most_pdu_bytes = most_pdu_bytes

    @property
    def pending(self) -> int:
        """Bytes that were received and not yet handed out."""
        return self._end - self._start

    @property
    def in_pdu(self) -> bool:
        """Whether a PDU has begun and not ended."""
        return bool(self._pdu_left or self.pending)

    def room(self) -> memoryview:
        """Where to receive into. Takes back all pieces handed out before."""
        if self._start:
            # What is left is a header that the network has cut, or the begin of an associate PDU.
            left = self._view[self._start : self._end]
            self._view[: len(left)] = left
            self._start, self._end = 0, len(left)
        return self._view[self._end :]

    def received(self, count: int) -> None:
        """Take note of `count` bytes that were put into `room`."""
        self._end += count
        self.total += count

    def peek(self, count: int) -> bytes | None:
        """The next `count` bytes without taking them, or None while there are fewer."""
        if self.pending < count:
            return None
        return bytes(self._view[self._start : self._start + count])

    def next_event(self) -> Piece | WholePdu | None:
        """The next piece or PDU; None if more bytes are needed.

        Raises
        ------
        ProtocolError
            The bytes are not what PS3.8 has there. The stream cannot be read any further.
        """
        if self._pdv_left:
            return self._piece()
        if self._pdu_left:
            return self._open_pdv()
        if self.pending < PDU_HEADER.size:
            return None
        pdu_type, length = PDU_HEADER.unpack_from(self._view, self._start)
        if pdu_type == P_DATA_TF:
            self._open_p_data(length)
            return self._open_pdv()
        self._check_length(pdu_type, length)
        if self.pending < PDU_HEADER.size + length:
            return None
        start = self._start + PDU_HEADER.size
        self._start = start + length
        return WholePdu(type=pdu_type, body=bytes(self._view[start : self._start]))

    def _check_length(self, pdu_type: int, length: int) -> None:
        if pdu_type == _TLS_HANDSHAKE:
            raise ProtocolError("speaks TLS to a port without TLS", reason=UNRECOGNISED_PDU)
        if not A_ASSOCIATE_RQ <= pdu_type <= A_ABORT:
            raise ProtocolError(f"sent a {name_of(pdu_type)}: no DICOM peer", reason=UNRECOGNISED_PDU)
        if length > len(self._view) - PDU_HEADER.size:
            raise ProtocolError(f"sent an {name_of(pdu_type)} that announces {length} bytes")

    def _open_p_data(self, length: int) -> None:
        if length > self._max_pdu_bytes + TOLERATED_EXCESS:
            self.oversized += 1
            if length > self._most_pdu_bytes:
                raise ProtocolError(
                    f"sent a P-DATA-TF that announces {length} bytes; {self._max_pdu_bytes} were agreed"
                )
        if length < PDV_HEADER.size:
            raise ProtocolError(f"sent a P-DATA-TF of {length} bytes, which hold no PDV")
        self._start += PDU_HEADER.size
        self._pdu_left = length

    def _open_pdv(self) -> Piece | None:
        if self._pdu_left < PDV_HEADER.size:
            raise ProtocolError(f"sent a P-DATA-TF with {self._pdu_left} bytes after its last PDV")
        if self.pending < PDV_HEADER.size:
            return None
        length, self._context_id, self._control = PDV_HEADER.unpack_from(self._view, self._start)
        if not 2 <= length <= self._pdu_left - 4:
            raise ProtocolError(f"sent a PDV of {length} bytes in the last {self._pdu_left} of its P-DATA-TF")
        self._start += PDV_HEADER.size
        self._pdu_left -= PDV_HEADER.size
        self._pdv_left = length - 2
        return self._piece()

    def _piece(self) -> Piece | None:
        count = min(self._pdv_left, self._end - self._start)
        if not count and self._pdv_left:
            return None
        payload = self._view[self._start : self._start + count]
        self._start += count
        self._pdu_left -= count
        self._pdv_left -= count
        is_last = bool(self._control & LAST) and not self._pdv_left
        return Piece(self._context_id, bool(self._control & COMMAND), is_last, payload)
