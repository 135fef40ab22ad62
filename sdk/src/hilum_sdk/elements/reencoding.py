"""Writing a data set in another native transfer syntax: VR and byte order only (PS3.5 A.1 to A.3, A.5).

It takes two passes over the structure, because the header of a sequence holds its new length: one
to measure, one to write. Values are copied in chunks; nothing is held but the lengths.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple

from hilum_sdk.elements.encoding import (
    ITEM,
    ITEM_END,
    PIXEL_REPRESENTATION,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    encoding_of,
    is_deflated,
    is_native,
)
from hilum_sdk.elements.errors import ElementsError, MalformedDataSet, tag_text
from hilum_sdk.elements.inflate import deflated, inflated
from hilum_sdk.elements.layout import encode_header, sniff
from hilum_sdk.elements.limits import LARGEST_VALUE, Limits
from hilum_sdk.elements.segments import write_all
from hilum_sdk.elements.tokens import Kind, Token, element_tokens
from hilum_sdk.elements.vr import SWAP_WIDTH, has_long_header, implied_vr
from hilum_sdk.elements.window import window_of_stream

_CHUNK = 1 << 20  # a multiple of every width that is swapped
_MOST_STEPS = 20_000  # kept from the first pass for the second
_LONGEST = 0xFFFFFFFE

REENCODE_LIMITS = Limits(bytes_read=1 << 30, elements=5_000_000)


def reencode(
    source: BinaryIO,
    out: BinaryIO,
    *,
    from_transfer_syntax_uid: str,
    to_transfer_syntax_uid: str,
    limits: Limits = REENCODE_LIMITS,
    scratch_dir: Path | None = None,
) -> int:
    """Re-encode the data set that begins where `source` stands; return the bytes written to `out`.

    Sequences and items keep their style of length. VRs that implicit encoding has lost come from the
    dictionary, of private elements UN. Group lengths are left out: they would be wrong.

    Parameters
    ----------
    source
        Seekable.
    scratch_dir
        Where a deflated data set is inflated to, in a file without a name.

    Raises
    ------
    ElementsError
        One of the two is not a native transfer syntax.
    MalformedDataSet, LimitExceeded
        The data set cannot be read.
    """
    if from_transfer_syntax_uid == to_transfer_syntax_uid:
        return _write(iter(lambda: source.read(_CHUNK), b""), out)
    if not (is_native(from_transfer_syntax_uid) and is_native(to_transfer_syntax_uid)):
        raise ElementsError(
            f"cannot re-encode {from_transfer_syntax_uid} as {to_transfer_syntax_uid} without a codec"
        )
    before, after = encoding_of(from_transfer_syntax_uid), encoding_of(to_transfer_syntax_uid)
    if is_deflated(from_transfer_syntax_uid):
        with tempfile.TemporaryFile(dir=scratch_dir) as plain:
            for chunk in inflated(source, limits):
                plain.write(chunk)
            plain.seek(0)
            return reencode_between(plain, out, before, after, limits)
    if not is_deflated(to_transfer_syntax_uid):
        return reencode_between(source, out, before, after, limits)
    return _write(deflated(_Reencoder(source, before, after, limits).chunks()), out)


def reencode_between(
    source: BinaryIO, out: BinaryIO, before: Encoding, after: Encoding, limits: Limits
) -> int:
    """Re-encode from one of the three encodings to another; see `reencode`."""
    return _write(_Reencoder(source, before, after, limits).chunks(), out)


class _Step(NamedTuple):
    """What to write for one token, but for its length.

    ``vr`` is empty where the header is to be implicit, or of an item. ``encoding`` is that of the
    header; of an end, that of its delimiter. ``undefined`` is the style of the length, ``size`` the
    true length of the value of an element. ``swap`` is the width of the numbers to turn round, or 0.
    """

    kind: Kind
    tag: int
    vr: str
    encoding: Encoding
    undefined: bool
    value_at: int = 0
    size: int = 0
    swap: int = 0


class _Scope:
    """An open data set, item or sequence: how what is in it will be encoded, and what it inherits."""

    __slots__ = ("encoding", "signed", "undefined")

    def __init__(self, encoding: Encoding, *, signed: bool, undefined: bool = False) -> None:
        self.encoding = encoding
        self.signed = signed
        self.undefined = undefined


class _Reencoder:
    """One re-encoding."""

    def __init__(self, source: BinaryIO, before: Encoding, after: Encoding, limits: Limits) -> None:
        self._window = window_of_stream(source, limits)
        self._before = sniff(self._window, 0, self._window.size, before)
        self._after = after

    def chunks(self) -> Iterator[bytes]:
        """The re-encoded data set."""
        kept = list(islice(self._steps(), _MOST_STEPS))
        again = len(kept) == _MOST_STEPS
        lengths = _measure(self._steps() if again else kept)
        return self._write(self._steps() if again else kept, lengths)

    def _steps(self) -> Iterator[_Step]:
        scopes = [_Scope(self._after, signed=False)]
        opaque = 0  # how deep in a sequence that is copied as a plain value
        for token in element_tokens(self._window, 0, self._window.size, self._before):
            kind, scope = token.kind, scopes[-1]
            undefined = token.length == UNDEFINED
            if opaque:
                opaque += _NESTING[kind]
            elif kind is Kind.ELEMENT:
                if token.tag & 0xFFFF:  # no group lengths
                    yield self._element(token, scope)
            elif kind is Kind.SEQUENCE and _is_opaque(token):
                opaque = 1
                yield self._element(token, scope)
            elif kind is Kind.SEQUENCE:
                vr = ("UN" if token.vr == "UN" else "SQ") if scope.encoding.explicit else ""
                yield _Step(kind, token.tag, vr, scope.encoding, undefined)
                # What UN holds is implicit little endian wherever it stands (PS3.5 6.2.2).
                inner = token.encoding if token.vr == "UN" else scope.encoding
                scopes.append(_Scope(inner, signed=scope.signed, undefined=undefined))
            elif kind is Kind.ITEM:
                yield _Step(kind, ITEM, "", scope.encoding, undefined)
                scopes.append(_Scope(scope.encoding, signed=scope.signed, undefined=undefined))
            else:
                scopes.pop()
                end = ITEM_END if kind is Kind.ITEM_END else SEQUENCE_END
                yield _Step(kind, end, "", scope.encoding, scope.undefined)

    def _element(self, token: Token, scope: _Scope) -> _Step:
        size = token.stop - token.value_at
        undefined = token.length == UNDEFINED
        if token.tag == PIXEL_REPRESENTATION and 0 < size <= LARGEST_VALUE:
            scope.signed = any(self._window.bytes_at(token.value_at, size))
        turned = token.encoding.little != scope.encoding.little
        if undefined and turned:
            place = f"{tag_text(token.tag)} at offset {token.start}"
            raise MalformedDataSet(f"{place}: encapsulated, so its byte order cannot change")
        vr = token.vr or implied_vr(token.tag, signed=scope.signed)
        if scope.encoding.explicit and size > LARGEST_VALUE and not has_long_header(vr):
            vr = "UN"  # PS3.5 6.2.2: too long for its VR
        written = vr if scope.encoding.explicit else ""
        swap = SWAP_WIDTH.get(vr, 0) if turned else 0
        where = (token.value_at, size, swap)
        return _Step(Kind.ELEMENT, token.tag, written, scope.encoding, undefined, *where)

    def _write(self, steps: Iterable[_Step], lengths: array[int]) -> Iterator[bytes]:
        """Write what was measured, small parts together."""
        containers = iter(lengths)
        gathered: list[bytes] = []
        pending = 0
        for step in steps:
            if step.kind is Kind.ELEMENT:
                length = UNDEFINED if step.undefined else step.size
                part = encode_header(step.tag, step.vr, length, step.encoding)
                if step.size > LARGEST_VALUE:
                    yield b"".join(gathered) + part
                    gathered, pending, part = [], 0, b""
                    yield from self._value(step)
                elif step.size:
                    part += _turned(self._window.bytes_at(step.value_at, step.size), step.swap)
            elif step.kind < Kind.ITEM_END:
                length = next(containers)
                part = encode_header(
                    step.tag, step.vr, UNDEFINED if step.undefined else length, step.encoding
                )
            else:
                part = encode_header(step.tag, "", 0, step.encoding) if step.undefined else b""
            gathered.append(part)
            pending += len(part)
            if pending > LARGEST_VALUE:
                yield b"".join(gathered)
                gathered, pending = [], 0
        yield b"".join(gathered)

    def _value(self, step: _Step) -> Iterator[bytes]:
        """A large value in chunks."""
        position, stop = step.value_at, step.value_at + step.size
        while position < stop:
            chunk = self._window.copy_at(position, min(_CHUNK, stop - position))
            if not chunk:
                raise MalformedDataSet(f"{tag_text(step.tag)}: the data set ends within its value")
            yield _turned(chunk, step.swap)
            position += len(chunk)


_NESTING = {Kind.ELEMENT: 0, Kind.SEQUENCE: 1, Kind.ITEM: 1, Kind.ITEM_END: -1, Kind.SEQUENCE_END: -1}
_TYPE_OF_WIDTH = {2: "H", 4: "I", 8: "Q"}


def _is_opaque(token: Token) -> bool:
    """Whether it is copied as a value of VR UN, though it holds a sequence."""
    if token.length == UNDEFINED or token.vr == "SQ":
        return False
    return token.vr == "UN" or implied_vr(token.tag, signed=False) != "SQ"


def _measure(steps: Iterable[_Step]) -> array[int]:
    """The lengths of what sequences and items hold, in the order in which they begin."""
    lengths = array("Q")
    sizes = [0]
    begun: list[tuple[int, _Step]] = []
    for step in steps:
        if step.kind is Kind.ELEMENT:
            sizes[-1] += _header_size(step) + step.size
        elif step.kind < Kind.ITEM_END:
            begun.append((len(lengths), step))
            lengths.append(0)
            sizes.append(0)
        else:
            number, begin = begun.pop()
            size = sizes.pop()
            if size > _LONGEST and not begin.undefined:
                raise ElementsError(f"{tag_text(begin.tag)}: longer than 4 GiB once it is re-encoded")
            lengths[number] = size
            sizes[-1] += _header_size(begin) + size + (8 if begin.undefined else 0)
    return lengths


def _header_size(step: _Step) -> int:
    return 12 if step.vr and has_long_header(step.vr) else 8


def _turned(value: bytes, width: int) -> bytes:
    """Turn round the bytes of each number; what is left over at the end stays."""
    if not width:
        return value
    whole = len(value) // width * width
    numbers = array(_TYPE_OF_WIDTH[width], value[:whole])
    numbers.byteswap()
    return numbers.tobytes() + value[whole:]


def _write(chunks: Iterable[bytes], out: BinaryIO) -> int:
    length = 0
    for chunk in chunks:
        write_all(out, chunk)
        length += len(chunk)
    return length
