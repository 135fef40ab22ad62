"""A data set as a tree that is read level by level, changed in place, and written again.

A part that nobody changed is no more than a place in its source, and is copied from there. Every
part knows its encoded size, so that a change is told to what holds it at once: only the lengths of
enclosing containers are written anew, each in the style that it had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hilum_sdk.elements.encoding import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Encoding
from hilum_sdk.elements.errors import ElementsError, LimitExceeded, tag_text
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.segments import Piece, Segment, SegmentReader, length_of
from hilum_sdk.elements.source import Source
from hilum_sdk.elements.tokens import (
    Child,
    ElementHeader,
    Kind,
    children,
    inside,
    is_fragments,
    items_encoding,
    sniff,
)
from hilum_sdk.elements.vr import dictionary_vr, has_long_header, implied_vr

PIXEL_REPRESENTATION = 0x00280103

_MOST_CHILDREN = 500_000  # of one level, held in memory together
_LONGEST = 0xFFFFFFFE


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


class Element:
    """One element (`hilum_sdk.RawElement`), as it stands in a source or as it was put.

    Attributes
    ----------
    data_set
        What holds it; None once it has been removed or replaced.
    size
        Its encoded length, header and delimiter included, with all changes below it.
    changed
        Whether it is to be written from its parts. One that was put always is.
    pins
        How many walks are under way below it, so that its items must stay.
    """

    __slots__ = (
        "_header_size",
        "_header_vr",
        "_items",
        "_items_encoding",
        "_length",
        "_source",
        "_start",
        "_stop",
        "_value_at",
        "changed",
        "data_set",
        "pins",
        "size",
        "tag",
    )

    def __init__(
        self, data_set: DataSet, header: ElementHeader, source: Source, start: int, stop: int
    ) -> None:
        self.data_set: DataSet | None = data_set
        self.tag, self._header_vr, self._value_at, self._length = header
        self._source = source
        self._start = start
        self._stop = stop
        self._header_size = self._value_at - start
        self.size = stop - start
        self.changed = False
        self.pins = 0
        self._items: list[DataSet] | None = None
        # 0: nobody has asked yet whether it is a sequence.
        self._items_encoding: Encoding | int | None = 0

    @classmethod
    def found(cls, data_set: DataSet, child: Child) -> Element:
        """Make one that stands in the source of its data set."""
        token = child.token
        header = ElementHeader(token.tag, token.vr, token.value_at, token.length)
        element = cls(data_set, header, data_set.source, token.start, child.stop)
        if token.kind is Kind.SEQUENCE:
            element._items_encoding = token.encoding
        return element

    @classmethod
    def put(cls, data_set: DataSet, tag: int, vr: str, value: Piece, *, fragments: bool = False) -> Element:
        """Make one of a padded value; of a sequence, of its encoded items; of `fragments` with their end."""
        size = length_of(value)
        length = UNDEFINED if fragments else size
        explicit = data_set.encoding.explicit
        if explicit and size > LARGEST_VALUE and not has_long_header(vr):
            vr = "UN"  # PS3.5 6.2.2: what is too long for its VR
        source = Source(value, data_set.source.window.limits)
        element = cls(data_set, ElementHeader(tag, vr if explicit else "", 0, length), source, 0, size)
        element._header_size = len(element._header(length))
        element.size += element._header_size
        element.changed = True
        element._items_encoding = data_set.encoding if vr == "SQ" else 0
        return element

    @property
    def vr(self) -> str:
        """As written; where it is implicit, of the dictionary, or ``"UN"``."""
        return self._header_vr or self._implied_vr()

    @property
    def value(self) -> bytes | StoredValue:
        """The encoded value; empty for a sequence."""
        if self.is_sequence:
            return b""
        length = self._stop - self._value_at
        if length > LARGEST_VALUE:
            return StoredValue(self.piece())
        return self._source.window.bytes_at(self._value_at, length)

    @property
    def value_length(self) -> int:
        """The length of the value in bytes, with all changes below it, a delimiter included."""
        return self.size - self._header_size

    @property
    def is_sequence(self) -> bool:
        """Whether it holds items with elements."""
        return self.items_encoding is not None

    @property
    def is_encapsulated(self) -> bool:
        """Whether it holds fragments (PS3.5 A.4)."""
        return self._length == UNDEFINED and is_fragments(self.tag, self._header_vr)

    @property
    def items_encoding(self) -> Encoding | None:
        """How its items are encoded; None if it is no sequence."""
        known = self._items_encoding
        if isinstance(known, int):
            known = None
            if self._length != UNDEFINED and self.data_set is not None:
                header = ElementHeader(self.tag, self._header_vr, self._value_at, self._length)
                known = items_encoding(self._source.window, header, self.data_set.encoding)
            self._items_encoding = known
        return known

    def piece(self) -> Piece:
        """The value where it stands: not of a sequence whose items have changed."""
        return self._source.piece(self._value_at, self._stop)

    def items(self) -> list[DataSet]:
        """The items of a sequence. Change them by `set_items` and by `DataSet` only."""
        if self._items is None:
            encoding = self.items_encoding
            assert encoding is not None, "not a sequence"
            found = children(
                self._source.window,
                self._value_at,
                self._stop,
                encoding,
                items=True,
                defined=self._length != UNDEFINED,
            )
            self._items = [DataSet.found(self, self._source, child) for child in _bounded(found)]
        return self._items

    def set_items(self, items: Sequence[DataSet]) -> None:
        """Take these for its items: some of its own, some made for it."""
        before = sum(item.size for item in self.items())
        self._items = list(items)
        self.changed = True
        delta = sum(item.size for item in items) - before
        self.size += delta
        if self.data_set is not None:
            self.data_set.resized(self.tag, delta)

    def is_alive(self) -> bool:
        """Whether it still stands in the data set."""
        element: Element | None = self
        while element is not None:
            if element.data_set is None:
                return False
            element = element.data_set.parent
        return True

    def release(self) -> None:
        """Forget the items if they can be read again."""
        if not self.changed and not self.pins:
            self._items = None

    def parts(self) -> Iterator[Piece | DataSet]:
        """What to write of a changed one."""
        length = self.value_length if self._length != UNDEFINED else UNDEFINED
        if self._length != UNDEFINED and length > _LONGEST:
            raise ElementsError(f"{tag_text(self.tag)}: longer than 4 GiB, which no data set can hold")
        yield self._header(length)
        if self._items is None:
            yield self.piece()
            return
        yield from self._items
        if self._length == UNDEFINED:
            yield _delimiter(self._order(), SEQUENCE_END)

    def equals(self, other: Element) -> bool:
        """Whether both are encoded alike, as far as that can be told in memory."""
        return (
            not self.is_sequence
            and self.size == other.size <= LARGEST_VALUE
            and self._header_vr == other._header_vr
            and self._length == other._length
            and self.value == other.value
        )

    def unread_piece(self) -> Piece:
        """All of it as it stands in the source, header included."""
        return self._source.piece(self._start, self._stop)

    def _order(self) -> Encoding:
        """The encoding whose byte order holds for its items and delimiter."""
        encoding = self.items_encoding
        assert encoding is not None
        return encoding

    def _header(self, length: int) -> bytes:
        assert self.data_set is not None
        return encode_header(self.tag, self._header_vr, length, self.data_set.encoding)

    def _implied_vr(self) -> str:
        signed = False
        if dictionary_vr(self.tag) == "US or SS":
            data_set = self.data_set
            found = None
            while data_set is not None and found is None:
                found = data_set.find(PIXEL_REPRESENTATION)
                data_set = data_set.parent.data_set if data_set.parent is not None else None
            signed = found is not None and isinstance(found.value, bytes) and any(found.value)
        return implied_vr(self.tag, signed=signed)


class DataSet:
    """The elements of one level: of the object itself, or of one item of a sequence.

    Attributes
    ----------
    parent
        The sequence, if it is an item.
    size, changed, pins
        As of `Element`; the header and delimiter of an item included.
    """

    __slots__ = (
        "_elements",
        "_end",
        "_index",
        "_inside",
        "_length",
        "_start",
        "_stop",
        "changed",
        "encoding",
        "parent",
        "pins",
        "size",
        "source",
    )

    def __init__(self, source: Source, encoding: Encoding, *, parent: Element | None = None) -> None:
        self.source = source
        self.encoding = encoding
        self.parent = parent
        self._start = self._inside = 0
        self._end = self._stop = self.size = source.size
        self._length = source.size
        self.changed = False
        self.pins = 0
        self._elements: list[Element] | None = None
        self._index: dict[int, Element] | None = None

    @classmethod
    def top(cls, source: Source, declared: Encoding) -> DataSet:
        """The data set of an object."""
        return cls(source, sniff(source.window, 0, source.size, declared))

    @classmethod
    def found(cls, parent: Element, source: Source, child: Child) -> DataSet:
        """An item that stands in a source."""
        token = child.token
        item = cls(source, token.encoding, parent=parent)
        item._start, item._inside, item._length = token.start, token.value_at, token.length
        item._end, item._stop = inside(child), child.stop
        item.size = child.stop - token.start
        return item

    @classmethod
    def made(cls, parent: Element, encoded: bytes = b"") -> DataSet:
        """A new item for a sequence, of its encoded elements."""
        encoding = parent.items_encoding
        assert encoding is not None, "not a sequence"
        assert parent.data_set is not None, "no longer in the data set"
        item = cls(Source(encoded, parent.data_set.source.window.limits), encoding, parent=parent)
        item.size += 8
        item.changed = True
        return item

    def elements(self) -> list[Element]:
        """The elements in their order, read at first use. Change them by the methods below only."""
        if self._elements is None:
            found = children(
                self.source.window,
                self._inside,
                self._end,
                self.encoding,
                items=False,
                padded=self.parent is None,
            )
            self._elements = [Element.found(self, child) for child in _bounded(found)]
        return self._elements

    def find(self, tag: int) -> Element | None:
        """The element with this tag; of several, which is malformed, the last."""
        if self._index is None:
            self._index = {element.tag: element for element in self.elements()}
        return self._index.get(tag)

    def remove(self, tag: int) -> None:
        """Take out what has this tag."""
        if self.find(tag) is not None:
            self._replace(tag, None)

    def put(self, tag: int, vr: str, value: Piece, *, fragments: bool = False) -> Element:
        """Set an element, in its place by tag. One that is there and encoded alike stays as it is."""
        made = Element.put(self, tag, vr, value, fragments=fragments)
        found = self.find(tag)
        if found is not None and found.equals(made):
            return found
        self._replace(tag, made)
        return made

    def resized(self, tag: int, delta: int) -> None:
        """Take note, here and all the way up, that the element with this tag is now `delta` bytes longer."""
        data_set = self
        while True:
            data_set.changed = True
            if delta:
                delta -= data_set._drop_group_length(tag)
            data_set.size += delta
            sequence = data_set.parent
            if sequence is None:
                return
            sequence.changed = True
            sequence.size += delta
            if sequence.data_set is None:
                return
            tag, data_set = sequence.tag, sequence.data_set

    def release(self) -> None:
        """Forget the elements if they can be read again."""
        if not self.changed and not self.pins:
            self._elements = self._index = None

    def parts(self) -> Iterator[Piece | Element]:
        """What to write of a changed one."""
        undefined = self._length == UNDEFINED
        if self.parent is not None:
            length = UNDEFINED if undefined else self.size - 8
            yield encode_header(ITEM, "", length, self.encoding)
        if self._elements is None:
            yield self.source.piece(self._inside, self._end)
            return
        yield from self._elements
        if self.parent is None:
            yield self.source.piece(self._tail(), self._stop)
        elif undefined:
            yield _delimiter(self.encoding, ITEM_END)

    def unread_piece(self) -> Piece:
        """All of it as it stands in the source, the header of an item included."""
        return self.source.piece(self._start, self._stop)

    def _replace(self, tag: int, made: Element | None) -> None:
        elements = self.elements()
        old = [element for element in elements if element.tag == tag]
        place = elements.index(old[0]) if old else _place(elements, tag)
        for element in old:
            elements.remove(element)
            element.data_set = None
        if made is not None:
            elements.insert(place, made)
        self._index = None
        self.resized(tag, (made.size if made else 0) - sum(element.size for element in old))

    def _drop_group_length(self, tag: int) -> int:
        """Take out the length of a group that has changed, and return its size.

        PS3.5 7.2 retired it and has readers ignore it, so one too few harms nobody; a wrong one does.
        """
        group_length = tag & 0xFFFF0000
        found = self.find(group_length)
        if found is None or tag == group_length:
            return 0
        self.elements().remove(found)
        found.data_set = None
        self._index = None
        return found.size

    def _tail(self) -> int:
        """Where the zero bytes begin that fill up the end."""
        return self._stop - self._padding()

    def _padding(self) -> int:
        assert self._elements is not None
        return self.size - sum(element.size for element in self._elements)


def encode_header(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """Encode the header of an element, or without a VR of an item or an implicit element."""
    if not vr:
        return encoding.header.pack(tag >> 16, tag & 0xFFFF, length)
    start = encoding.pair.pack(tag >> 16, tag & 0xFFFF) + vr.encode()
    if has_long_header(vr):
        return start + b"\0\0" + encoding.long.pack(length)
    return start + encoding.short.pack(length)


def pieces(data_set: DataSet) -> Iterator[Piece]:
    """The encoded data set: what was not changed as places in its source, the rest anew."""
    stack: list[Iterator[Piece | Element | DataSet]] = [iter((data_set,))]
    while stack:
        part = next(stack[-1], None)
        if part is None:
            stack.pop()
        elif isinstance(part, (bytes, Segment)):
            yield part
        elif part.changed:
            stack.append(part.parts())
        else:
            yield part.unread_piece()


def _delimiter(encoding: Encoding, tag: int) -> bytes:
    return encoding.header.pack(tag >> 16, tag & 0xFFFF, 0)


def _place(elements: Sequence[Element], tag: int) -> int:
    """Where an element with this tag goes: before the first with a greater one."""
    return next((number for number, element in enumerate(elements) if element.tag > tag), len(elements))


def _bounded(found: Iterator[Child]) -> Iterator[Child]:
    for number, child in enumerate(found):
        if number >= _MOST_CHILDREN:
            raise LimitExceeded(
                f"offset {child.token.start}: more than {_MOST_CHILDREN} elements or items side by side"
            )
        yield child
