"""One element of a data set, as it stands in a source or as it was put there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hilum_sdk.elements.encoding import PIXEL_REPRESENTATION, UNDEFINED, Encoding
from hilum_sdk.elements.layout import ElementHeader, encode_header, is_fragments
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.segments import Piece, StoredValue, length_of
from hilum_sdk.elements.source import Source
from hilum_sdk.elements.tokens import Child, Kind, items_encoding
from hilum_sdk.elements.vr import dictionary_vr, has_long_header, implied_vr

if TYPE_CHECKING:
    from hilum_sdk.elements.data_set import DataSet


class Element:
    """One element (`hilum_sdk.RawElement`).

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
    source, start, value_at, stop
        Where it stands.
    changed
        Whether it is to be written from its parts. One that was put always is.
    pins
        How many walks are under way below it, so that its items must stay.
    """

    __slots__ = (
        "_header_size",
        "_items_encoding",
        "changed",
        "data_set",
        "header_vr",
        "held_items",
        "length",
        "pins",
        "size",
        "source",
        "start",
        "stop",
        "tag",
        "value_at",
    )

    def __init__(
        self, data_set: DataSet, header: ElementHeader, source: Source, start: int, stop: int
    ) -> None:
        self.data_set: DataSet | None = data_set
        self.tag, self.header_vr, self.value_at, self.length = header
        self.source = source
        self.start = start
        self.stop = stop
        self._header_size = self.value_at - start
        self.size = stop - start
        self.changed = False
        self.pins = 0
        self.held_items: list[DataSet] | None = None
        # 0: nobody has asked yet whether it is a sequence.
        self._items_encoding: Encoding | int | None = 0

    @classmethod
    def found(cls, data_set: DataSet, child: Child, source: Source | None = None) -> Element:
        """Make one that stands in the source of its data set, or in another one."""
        token = child.token
        header = ElementHeader(token.tag, token.vr, token.value_at, token.length)
        element = cls(data_set, header, source or data_set.source, token.start, child.stop)
        element.changed = source is not None
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
        length = self.stop - self.value_at
        if length > LARGEST_VALUE:
            return StoredValue(self.piece())
        return self.source.window.bytes_at(self.value_at, length)

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
                header = ElementHeader(self.tag, self.header_vr, self.value_at, self.length)
                known = items_encoding(self.source.window, header, self.data_set.encoding)
            self._items_encoding = known
        return known

    def piece(self) -> Piece:
        """The value where it stands: not of a sequence whose items have changed."""
        return self.source.piece(self.value_at, self.stop)

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
        return self.source.piece(self.start, self.stop)

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
