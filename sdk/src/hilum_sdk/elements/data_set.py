"""The data set as a tree that is read level by level and changed in place.

A part that nobody changed is no more than a place in its source. Every part knows its encoded size:
a change is told at once to what holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hilum_sdk.elements.element import Element
from hilum_sdk.elements.encoding import UNDEFINED, Encoding
from hilum_sdk.elements.errors import LimitExceeded, MalformedDataSet, tag_text
from hilum_sdk.elements.layout import ElementHeader, sniff
from hilum_sdk.elements.segments import Piece
from hilum_sdk.elements.source import Source
from hilum_sdk.elements.tokens import Child, children
from hilum_sdk.elements.vr import SHORT_VR_OF_CODE, pad
from hilum_sdk.records import Fate

_MOST_CHILDREN = 500_000  # of one level, held in memory together


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
    def found(cls, parent: Element, child: Child) -> DataSet:
        """An item that stands in the source of its sequence."""
        token = child.token
        item = cls(parent.source, token.encoding, parent=parent)
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

    def rewrite(self, decide: Callable[[Element], Fate | bytes]) -> None:
        """Keep, remove or replace each element; raises ValueError of what can have no such value."""
        kept: list[Element] = []
        gone: list[tuple[Element, Element | None]] = []
        for element in self.elements():
            fate = decide(element)
            if fate is Fate.KEEP:
                kept.append(element)
                continue
            made = None if fate is Fate.REMOVE else self._revalued(element, fate)
            if made is element:
                kept.append(element)
                continue
            gone.append((element, made))
            if made is not None:
                kept.append(made)
        if not gone:
            return
        self.held_elements = kept
        self._index = None
        for element, made in gone:
            element.data_set = None
            self.resized(element.tag, (made.size if made else 0) - element.size)

    def put_encoded(self, source: Source) -> None:
        """Set the element that is all of a source: a sequence, encoded as here, with its header.

        Raises
        ------
        MalformedDataSet
            It is none.
        """
        found = children(source.window, 0, source.size, self.encoding, items=False)
        child = next(found, None)
        if child is None or child.stop != source.size:
            raise MalformedDataSet("not one encoded element")
        self._replace(child.token.tag, Element.found(self, child, source))

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

    def _revalued(self, element: Element, value: object) -> Element:
        """An element with a new value, or the same one if it has that already."""
        if not isinstance(value, bytes):
            raise TypeError("an element is kept, removed, or given bytes")
        if element.is_encapsulated or (value and element.is_sequence):
            raise ValueError(f"{tag_text(element.tag)}: a sequence, or fragments, cannot be given a value")
        made = Element.put(self, element.tag, element.vr, pad(element.vr, value))
        return element if element.equals(made) or (element.is_sequence and not element.value_length) else made

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


def items_of(sequence: Element) -> list[DataSet]:
    """The items of a sequence, read at first use. Change them by `set_items` and by `DataSet` only."""
    if sequence.held_items is None:
        encoding = sequence.items_encoding
        assert encoding is not None, "not a sequence"
        found = children(
            sequence.source.window,
            sequence.value_at,
            sequence.stop,
            encoding,
            items=True,
            defined=sequence.length != UNDEFINED,
        )
        sequence.held_items = [DataSet.found(sequence, child) for child in _bounded(found)]
    return sequence.held_items


def set_items(sequence: Element, items: Sequence[DataSet]) -> None:
    """Give a sequence these items: some of its own, some made for it."""
    delta = sum(item.size for item in items) - sum(item.size for item in items_of(sequence))
    sequence.held_items = list(items)
    sequence.changed = True
    sequence.size += delta
    if sequence.data_set is not None:
        sequence.data_set.resized(sequence.tag, delta)


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
