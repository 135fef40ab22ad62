"""The compression of whole data sets (PS3.5 A.5): raw deflate, one 00H pad where the result is odd."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from hilum_sdk.elements.errors import LimitExceeded, MalformedDataSet
from hilum_sdk.elements.limits import LIMITS, Limits
from hilum_sdk.elements.window import UNKNOWN_SIZE, Window

_CHUNK = 64 << 10


def inflated(stream: BinaryIO, limits: Limits = LIMITS) -> Iterator[bytes]:
    """Inflate from where the stream stands, at most 64 KiB at a time.

    Raises
    ------
    LimitExceeded
        More came out than `Limits.inflated_bytes`.
    MalformedDataSet
        The bytes are not deflated, or end too soon.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    total = 0
    while not inflater.eof:
        packed = inflater.unconsumed_tail or stream.read(_CHUNK)
        if not packed:
            raise MalformedDataSet(f"deflated data set: it ends within its stream, after {total} bytes")
        try:
            chunk = inflater.decompress(packed, _CHUNK)
        except zlib.error:
            raise MalformedDataSet(f"deflated data set: not a deflate stream after {total} bytes") from None
        total += len(chunk)
        if total > limits.inflated_bytes:
            raise LimitExceeded(f"deflated data set: it unfolds to more than {limits.inflated_bytes} bytes")
        if chunk:
            yield chunk


def deflated(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Deflate chunks; the whole comes out even."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    length = 0
    for chunk in chunks:
        packed = deflater.compress(chunk)
        length += len(packed)
        yield packed
    packed = deflater.flush()
    length += len(packed)
    yield packed + b"\0" * (length & 1)


def window_of_deflated(stream: BinaryIO, limits: Limits = LIMITS) -> Window:
    """View a deflated data set forwards only: what lies behind the window is gone."""
    chunks = inflated(stream, limits)
    position = 0
    rest = b""

    def read_at(offset: int, count: int) -> bytes:
        nonlocal position, rest
        while position + len(rest) <= offset:  # skip what nobody wants
            position += len(rest)
            rest = next(chunks, b"")
            if not rest:
                return b""
        data = rest[offset - position :]
        while len(data) < count and (more := next(chunks, b"")):
            data += more
        position, rest = offset + count, data[count:]
        return data[:count]

    return Window(read_at, UNKNOWN_SIZE, limits)
