"""Writing a tree: what was not changed as places in its source, the rest anew.

Only the lengths of containers of a change are new; each keeps its style of length.
"""

from __future__ import annotations

from collections.abc import Iterator

from hilum_sdk.elements.data_set import DataSet
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.encoding import ITEM, ITEM_END, SEQUENCE_END, UNDEFINED, Encoding
from hilum_sdk.elements.errors import ElementsError, tag_text
from hilum_sdk.elements.layout import encode_header
from hilum_sdk.elements.segments import Piece, Segment

_LONGEST = 0xFFFFFFFE

_Part = Piece | Element | DataSet


def pieces(top: DataSet | Element) -> Iterator[Piece]:
    """The encoded data set, or one changed element: its header first, then its value.

    Raises
    ------
    ElementsError
        A sequence has become longer than a length can say.
    """
    stack: list[Iterator[_Part]] = [iter((top,))]
    while stack:
        part = next(stack[-1], None)
        if part is None:
            stack.pop()
        elif isinstance(part, (bytes, Segment)):
            yield part
        elif not part.changed:
            yield part.unread_piece()
        elif isinstance(part, Element):
            stack.append(_parts_of_element(part))
        else:
            stack.append(_parts_of_data_set(part))


def _parts_of_element(element: Element) -> Iterator[_Part]:
    assert element.data_set is not None
    undefined = element.length == UNDEFINED
    length = UNDEFINED if undefined else element.value_length
    if length > _LONGEST and not undefined:
        raise ElementsError(f"{tag_text(element.tag)}: longer than 4 GiB, which no data set can hold")
    yield encode_header(element.tag, element.header_vr, length, element.data_set.encoding)
    if element.held_items is None:
        yield element.piece()
        return
    yield from element.held_items
    if undefined and element.items_encoding is not None:
        yield _delimiter(SEQUENCE_END, element.items_encoding)


def _parts_of_data_set(data_set: DataSet) -> Iterator[_Part]:
    is_item = data_set.parent is not None
    undefined = data_set.length == UNDEFINED
    if is_item:
        yield encode_header(ITEM, "", UNDEFINED if undefined else data_set.size - 8, data_set.encoding)
    elements = data_set.held_elements
    if elements is None:
        yield data_set.source.piece(data_set.inside, data_set.end)
        return
    yield from _runs(data_set, elements)
    if is_item and undefined:
        yield _delimiter(ITEM_END, data_set.encoding)
    if not is_item:
        # Zero bytes that fill up the end are no element, so they are what the sizes leave over.
        padding = data_set.size - sum(element.size for element in elements)
        yield data_set.source.piece(data_set.stop - padding, data_set.stop)


def _runs(data_set: DataSet, elements: list[Element]) -> Iterator[_Part]:
    """Changed elements, and stretches of unchanged ones between them."""
    start = stop = data_set.inside
    for element in elements:
        if element.changed or element.start != stop:
            if start < stop:
                yield data_set.source.piece(start, stop)
            start = element.start
        if element.changed:
            yield element
            start = stop = -1
        else:
            stop = element.stop
    if start < stop:
        yield data_set.source.piece(start, stop)


def _delimiter(tag: int, encoding: Encoding) -> bytes:
    return encode_header(tag, "", 0, encoding)
