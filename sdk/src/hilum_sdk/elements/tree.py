"""A data set as a tree that is read level by level and changed in place.

A part that nobody changed is no more than a place in its source. Every part knows its encoded size:
a change is told at once to what holds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hilum_sdk.elements.encoding import UNDEFINED, Encoding
from hilum_sdk.elements.errors import LimitExceeded
from hilum_sdk.elements.layout import ElementHeader, encode_header, is_fragments, sniff
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.segments import Piece, StoredValue, length_of
from hilum_sdk.elements.source import Source
from hilum_sdk.elements.tokens import Child, Kind, children, items_encoding
from hilum_sdk.elements.vr import SHORT_VR_OF_CODE, dictionary_vr, has_long_header, implied_vr

PIXEL_REPRESENTATION = 0x00280103

_MOST_CHILDREN = 500_000  # of one level, held in memory together


class Element:
    """One element (`hilum_sdk.RawElement`), as it stands in a source or as it was put.

    Attributes
    ----------
    data_set
        What holds it; None once it has been removed or replaced.
    header_vr, length
        As written; the VR is empty where the header is implicit.
    held_items
        The items of a sequence, as far as they have been read.
    size
        Its encoded length, header and delimiter included, with all changes below it.
    start, stop
        Where it stands in its source.
    changed
        Whether it is to be written from its parts. One that was put always is.
    pins
        How many walks are under way below it, so that its items must stay.
    """

    __slots__ = (
        "_header_size",
        "_items_encoding",
        "_source",
        "_value_at",
        "changed",
        "data_set",
        "header_vr",
        "held_items",
        "length",
        "pins",
        "size",
        "start",
        "stop",
        "tag",
    )

    def __init__(
        self, data_set: DataSet, header: ElementHeader, source: Source, start: int, stop: int
    ) -> None:
        self.data_set: DataSet | None = data_set
        self.tag, self.header_vr, self._value_at, self.length = header
        self._source = source
        self.start = start
        self.stop = stop
        self._header_size = self._value_at - start
        self.size = stop - start
        self.changed = False
        self.pins = 0
        self.held_items: list[DataSet] | None = None
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
        header = encode_header(tag, element.header_vr, length, data_set.encoding)
        element._header_size = len(header)
        element.size += element._header_size
        element.changed = True
        element._items_encoding = data_set.encoding if vr == "SQ" else 0
        return element

    @property
    def vr(self) -> str:
        """As written; where it is implicit, of the dictionary, or ``"UN"``."""
        return self.header_vr or self._implied_vr()

    @property
    def value(self) -> bytes | StoredValue:
        """The encoded value; empty for a sequence."""
        if self.is_sequence:
            return b""
        length = self.stop - self._value_at
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
        return self.length == UNDEFINED and is_fragments(self.tag, self.header_vr)

    @property
    def items_encoding(self) -> Encoding | None:
        """How its items are encoded; None if it is no sequence."""
        known = self._items_encoding
        if isinstance(known, int):
            known = None
            if self.length != UNDEFINED and self.data_set is not None:
                header = ElementHeader(self.tag, self.header_vr, self._value_at, self.length)
                known = items_encoding(self._source.window, header, self.data_set.encoding)
            self._items_encoding = known
        return known

    def piece(self) -> Piece:
        """The value where it stands: not of a sequence whose items have changed."""
        return self._source.piece(self._value_at, self.stop)

    def items(self) -> list[DataSet]:
        """The items of a sequence. Change them by `set_items` and by `DataSet` only."""
        if self.held_items is None:
            encoding = self.items_encoding
            assert encoding is not None, "not a sequence"
            found = children(
                self._source.window,
                self._value_at,
                self.stop,
                encoding,
                items=True,
                defined=self.length != UNDEFINED,
            )
            self.held_items = [DataSet.found(self, self._source, child) for child in _bounded(found)]
        return self.held_items

    def set_items(self, items: Sequence[DataSet]) -> None:
        """Take these for its items: some of its own, some made for it."""
        before = sum(item.size for item in self.items())
        self.held_items = list(items)
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
            self.held_items = None

    def equals(self, other: Element) -> bool:
        """Whether both are encoded alike, as far as that can be told in memory."""
        return (
            not self.is_sequence
            and self.size == other.size <= LARGEST_VALUE
            and self.header_vr == other.header_vr
            and self.length == other.length
            and self.value == other.value
        )

    def unread_piece(self) -> Piece:
        """All of it as it stands in the source, header included."""
        return self._source.piece(self.start, self.stop)

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
    length
        As written in the header of an item.
    inside, end
        Where its elements begin and end in the source.
    held_elements
        The elements, as far as they have been read.
    size, start, stop, changed, pins
        As of `Element`; the header and delimiter of an item included.
    """

    __slots__ = (
        "_index",
        "changed",
        "encoding",
        "end",
        "held_elements",
        "inside",
        "length",
        "parent",
        "pins",
        "size",
        "source",
        "start",
        "stop",
    )

    def __init__(self, source: Source, encoding: Encoding, *, parent: Element | None = None) -> None:
        self.source = source
        self.encoding = encoding
        self.parent = parent
        self.start = self.inside = 0
        self.end = self.stop = self.size = source.size
        self.length = source.size
        self.changed = False
        self.pins = 0
        self.held_elements: list[Element] | None = None
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
        item.start, item.inside, item.length = token.start, token.value_at, token.length
        item.end, item.stop = child.inside, child.stop
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
        if self.held_elements is None:
            self.held_elements = self._read()
        return self.held_elements

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
            self.held_elements = self._index = None

    def unread_piece(self) -> Piece:
        """All of it as it stands in the source, the header of an item included."""
        return self.source.piece(self.start, self.stop)

    def _read(self) -> list[Element]:
        found: list[Element] = []
        position = self.inside
        while (position := self._skim(found, position)) < self.end:
            child = next(
                children(
                    self.source.window,
                    position,
                    self.end,
                    self.encoding,
                    items=False,
                    padded=self.parent is None,
                ),
                None,
            )
            if child is None:
                break
            found.append(Element.found(self, child))
            _check_count(len(found), position)
            position = child.stop
        return found

    def _skim(self, found: list[Element], position: int) -> int:
        """Take elements as long as they have a short VR and are in the window: most are, and have."""
        window, encoding = self.source.window, self.encoding
        if not encoding.explicit or window.fill(position, 8) < 8:
            return position
        data, start = window.data, window.start
        most = min(len(data), self.end - start) - 8
        header, short = encoding.header.unpack_from, encoding.short.unpack_from
        index = position - start
        while index <= most:
            vr = SHORT_VR_OF_CODE.get(data[index + 4 : index + 6])
            group, element, _ = header(data, index)
            (length,) = short(data, index + 6)
            position = start + index
            stop = position + 8 + length
            if not vr or not group or group == 0xFFFE or stop > self.end:
                break
            found.append(
                Element(
                    self,
                    ElementHeader(group << 16 | element, vr, position + 8, length),
                    self.source,
                    position,
                    stop,
                )
            )
            index += 8 + length
        _check_count(len(found), start + index)
        return start + index

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


def _place(elements: Sequence[Element], tag: int) -> int:
    """Where an element with this tag goes: before the first with a greater one."""
    return next((number for number, element in enumerate(elements) if element.tag > tag), len(elements))


def _bounded(found: Iterator[Child]) -> Iterator[Child]:
    for number, child in enumerate(found):
        _check_count(number, child.token.start)
        yield child


def _check_count(number: int, offset: int) -> None:
    if number > _MOST_CHILDREN:
        raise LimitExceeded(f"offset {offset}: more than {_MOST_CHILDREN} elements or items side by side")
