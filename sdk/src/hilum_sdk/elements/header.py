"""Reading the elements of a data set as a pydicom Dataset, without its large values.

Elements are found by hand and handed over as pydicom's raw ones, which it decodes when they are
asked for: so nothing is decoded that nobody asks for.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import BinaryIO, NamedTuple, cast

from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from hilum_sdk.elements.encoding import (
    PIXEL_REPRESENTATION,
    PIXEL_TAGS,
    SPECIFIC_CHARACTER_SET,
    UNDEFINED,
    Encoding,
    encoding_of,
    is_deflated,
)
from hilum_sdk.elements.errors import LimitExceeded, MalformedDataSet
from hilum_sdk.elements.inflate import window_of_deflated
from hilum_sdk.elements.layout import (
    ElementHeader,
    element_header,
    fragments_end,
    is_fragments,
    is_padding,
    sniff,
)
from hilum_sdk.elements.limits import LARGEST_VALUE, LIMITS, Limits
from hilum_sdk.elements.text import python_encodings
from hilum_sdk.elements.tokens import (
    Kind,
    Token,
    item_tokens,
    items_encoding,
    undefined_items_encoding,
)
from hilum_sdk.elements.vr import LONG_CODES, SHORT_VR_OF_CODE, dictionary_vr, is_plain
from hilum_sdk.elements.window import Window, window_of_stream

_NEEDED_TO_DECODE = frozenset({SPECIFIC_CHARACTER_SET, PIXEL_REPRESENTATION})
_Charset = str | list[str]


def read_header(
    stream: BinaryIO,
    transfer_syntax_uid: str,
    *,
    needs: Collection[int] | None = None,
    limits: Limits = LIMITS,
    largest_value: int = LARGEST_VALUE,
) -> Dataset:
    """Read the elements of the data set that begins where the stream stands.

    Parameters
    ----------
    needs
        The top-level tags to read, each with all below it; None for all. Nothing is read beyond
        the last of them. What it takes to decode them (Specific Character Set, Pixel
        Representation) is there too.
    largest_value
        Values of more bytes are left out, at every depth, and so is top-level pixel data.

    Returns
    -------
    A data set that decodes its elements when they are asked for. A last value that is cut short
    ends it without complaint if it would have been left out anyway.

    Raises
    ------
    MalformedDataSet, LimitExceeded
        The elements cannot be found, or not within the limits.
    """
    open_window = window_of_deflated if is_deflated(transfer_syntax_uid) else window_of_stream
    reader = _Reader(open_window(stream, limits), needs, largest_value)
    return reader.read(encoding_of(transfer_syntax_uid))


class _Level:
    """The elements of the data set or of one item, while they are read."""

    __slots__ = ("elements", "encoding", "inherited_charset", "inherited_sign", "undefined")

    def __init__(
        self, encoding: Encoding, *, charset: _Charset, sign: bytes | None, undefined: bool = False
    ) -> None:
        self.elements: dict[BaseTag, RawDataElement | DataElement] = {}
        self.encoding = encoding
        self.inherited_charset = charset
        self.inherited_sign = sign
        self.undefined = undefined

    def charset(self) -> _Charset:
        """The character set of this level's text: its own, or that of what holds it (PS3.5 6.1.2.3)."""
        raw = self.elements.get(BaseTag(SPECIFIC_CHARACTER_SET))
        if isinstance(raw, RawDataElement):
            return list(python_encodings(raw.value or b""))
        return self.inherited_charset

    def sign(self) -> bytes | None:
        """The encoded Pixel Representation that holds at this level."""
        raw = self.elements.get(BaseTag(PIXEL_REPRESENTATION))
        return raw.value if isinstance(raw, RawDataElement) else self.inherited_sign

    def data_set(self) -> Dataset:
        data_set = Dataset(self.elements, parent_encoding=self.inherited_charset)
        data_set.set_original_encoding(not self.encoding.explicit, self.encoding.little, self.charset())
        data_set.is_undefined_length_sequence_item = self.undefined
        return data_set


class _OpenSequence(NamedTuple):
    tag: int
    value_at: int
    undefined: bool
    items: list[Dataset]


class _Reader:
    """One reading."""

    def __init__(self, window: Window, needs: Collection[int] | None, largest_value: int) -> None:
        self.window = window
        self.largest_value = largest_value
        self.everything = needs is None
        self.wanted = _NEEDED_TO_DECODE.union(needs or ())
        self.last = UNDEFINED if needs is None else max(needs, default=SPECIFIC_CHARACTER_SET)
        self.left = window.limits.elements

    def read(self, declared: Encoding) -> Dataset:
        window = self.window
        encoding = sniff(window, 0, window.size, declared)
        top = _Level(encoding, charset=default_encoding, sign=None)
        position = 0
        while position < window.size:
            position = self._skim(top, position)
            if is_padding(window, position, window.size):
                break
            header = element_header(window, position, window.size, encoding)
            if header.tag > self.last:
                break
            position = self._element(top, header)
        return top.data_set()

    def _skim(self, top: _Level, position: int) -> int:
        """Go over elements as long as that is easy: the loop that must be fast.

        Wanted ones with a plain value are taken, unwanted ones stepped over. Returns where the
        first stands that takes more thought.
        """
        data, start = self.window.data, self.window.start
        most, size = len(data) - 12, len(data)
        wanted, everything, last, largest = self.wanted, self.everything, self.last, self.largest_value
        explicit, little, elements = top.encoding.explicit, top.encoding.little, top.elements
        header = top.encoding.header.unpack_from
        short, long = top.encoding.short.unpack_from, top.encoding.long.unpack_from
        index, vr, before = position - start, None, len(elements)
        while 0 <= index <= most:
            group, element, length = header(data, index)
            tag = group << 16 | element
            if tag > last or not group:
                break
            value = index + 8
            take = everything or tag in wanted
            if explicit:
                code = data[index + 4 : index + 6]
                vr = SHORT_VR_OF_CODE.get(code)
                if vr:
                    (length,) = short(data, index + 6)
                elif take or code not in LONG_CODES:
                    break
                else:
                    (length,) = long(data, value)
                    value += 4
            elif take and not is_plain(tag):
                break
            if length == UNDEFINED:
                break
            index = value + length
            if take:
                if index > size or length > largest:
                    index = value - 8
                    break
                base = BaseTag(tag)
                raw = data[value:index] if length else _empty(vr)
                elements[base] = RawDataElement(base, vr, length, raw, start + value, not explicit, little)
        self._count(len(elements) - before)
        return start + index

    def _element(self, top: _Level, header: ElementHeader) -> int:
        """Take one top-level element, or step over it; return where the next begins."""
        tag, vr, value_at, length = header
        window = self.window
        wanted = tag not in PIXEL_TAGS and (self.everything or tag in self.wanted)
        self._count()
        if length == UNDEFINED:
            if is_fragments(tag, vr):
                return self._fragments(top, header, wanted=wanted)
            items = undefined_items_encoding(vr, top.encoding)
            return self._sequence(top, header, items, window.size, wanted=wanted)
        stop = value_at + length
        if not wanted:
            return stop
        defined_items = items_encoding(window, header, top.encoding) if length or vr == "SQ" else None
        if defined_items is not None:
            return self._sequence(top, header, defined_items, stop, wanted=True)
        if length <= self.largest_value:
            self._value(top, header, stop)
        return stop

    def _fragments(self, top: _Level, header: ElementHeader, *, wanted: bool) -> int:
        tag, value_at = header.tag, header.value_at
        try:
            stop = fragments_end(self.window, value_at, self.window.size, top.encoding)
        except MalformedDataSet:
            if tag in PIXEL_TAGS:
                return self.window.size  # cut short, which is not for a header to say
            raise
        if wanted and stop - value_at <= self.largest_value:
            self._value(top, header, stop)
        return stop

    def _sequence(
        self, top: _Level, header: ElementHeader, encoding: Encoding, end: int, *, wanted: bool
    ) -> int:
        """Take a sequence with all below it, or step over it; return where it ends."""
        undefined = header.length == UNDEFINED
        tokens = item_tokens(self.window, header.value_at, end, encoding, defined=not undefined)
        levels = [top]
        sequences = [_OpenSequence(header.tag, header.value_at, undefined, [])]
        token = None
        for token in tokens:
            if wanted:
                self._count()
                self._nested(token, levels, sequences)
        assert token is not None
        return token.stop

    def _nested(self, token: Token, levels: list[_Level], sequences: list[_OpenSequence]) -> None:
        """Take one token of a sequence into the levels and sequences that are open."""
        level = levels[-1]
        undefined = token.length == UNDEFINED
        match token.kind:
            case Kind.ELEMENT:
                if token.stop - token.value_at <= self.largest_value:
                    self._value(level, token, token.stop)
            case Kind.SEQUENCE:
                sequences.append(_OpenSequence(token.tag, token.value_at, undefined, []))
            case Kind.ITEM:
                levels.append(
                    _Level(token.encoding, charset=level.charset(), sign=level.sign(), undefined=undefined)
                )
            case Kind.ITEM_END:
                sequences[-1].items.append(levels.pop().data_set())
            case Kind.SEQUENCE_END:
                done = sequences.pop()
                sequence = Sequence(done.items)
                sequence.is_undefined_length = done.undefined
                level.elements[BaseTag(done.tag)] = DataElement(
                    BaseTag(done.tag), "SQ", sequence, done.value_at, done.undefined, already_converted=True
                )

    def _value(self, level: _Level, element: ElementHeader | Token, stop: int) -> None:
        """Take a value as pydicom keeps it raw: of fragments, without the delimiter."""
        vr: str | None = element.vr or None
        if vr is None and dictionary_vr(element.tag) == "US or SS" and (sign := level.sign()):
            vr = "SS" if any(sign) else "US"  # pydicom itself looks at one level only
        count = stop - element.value_at - (8 if element.length == UNDEFINED else 0)
        value = self.window.bytes_at(element.value_at, count) if count else _empty(vr)
        tag, encoding = BaseTag(element.tag), level.encoding
        level.elements[tag] = RawDataElement(
            tag,
            vr,
            element.length,
            value,
            element.value_at,
            is_implicit_VR=not element.vr,
            is_little_endian=encoding.little,
        )

    def _count(self, more: int = 1) -> None:
        self.left -= more
        if self.left < 0:
            raise LimitExceeded(f"the header has more than {self.window.limits.elements} elements and items")


@cache
def _empty(vr: str | None) -> bytes | None:
    """What pydicom keeps for an empty value: None tells an empty number from an empty text."""
    return cast("bytes | None", empty_value_for_VR(vr, raw=True))
