"""The structure of a data set as a flat stream of tokens: elements, sequences, items and their ends.

This is the one place that knows how elements nest (PS3.5 7.5): defined and undefined lengths, UN
that holds a sequence, private sequences. It goes forward only and keeps a stack of its own, so that
nesting costs no recursion and is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from hilum_sdk.elements.encoding import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
)
from hilum_sdk.elements.errors import LimitExceeded, MalformedDataSet, tag_text
from hilum_sdk.elements.layout import (
    ElementHeader,
    element_header,
    fragments_end,
    is_fragments,
    is_padding,
    sniff,
)
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.vr import dictionary_vr
from hilum_sdk.elements.window import UNKNOWN_SIZE, Window, window_of_bytes


class Kind(IntEnum):
    """What a token stands for."""

    ELEMENT = 0
    SEQUENCE = 1
    ITEM = 2
    ITEM_END = 3
    SEQUENCE_END = 4


class Token(NamedTuple):
    """One step through the structure.

    Attributes
    ----------
    vr
        As written; empty where the header is implicit, and of items.
    encoding
        Of the header of an element, of the items of a sequence, of the elements of an item.
    start, value_at
        Where the header and the value begin.
    length
        As written, so `UNDEFINED` of an encapsulated element.
    stop
        Where an element ends, delimiter included; where a sequence or item of defined length
        will end, else -1; of an end, the offset behind it.
    """

    kind: Kind
    tag: int
    vr: str
    encoding: Encoding
    start: int
    value_at: int
    length: int
    stop: int


class _Frame(NamedTuple):
    """An open container. `end` is where it must end at the latest, and does if `defined`."""

    holds_items: bool
    defined: bool
    end: int
    encoding: Encoding


def element_tokens(window: Window, start: int, end: int, encoding: Encoding) -> Iterator[Token]:
    """Yield the tokens of a data set, at every depth, up to zero bytes that fill up its end.

    Raises
    ------
    MalformedDataSet, LimitExceeded
        At the token at fault; all before it were good.
    """
    return _walk(window, start, _Frame(False, True, end, encoding), padded=True)


def item_tokens(
    window: Window, start: int, end: int, encoding: Encoding, *, defined: bool
) -> Iterator[Token]:
    """Yield the tokens of the items of one sequence; the last is the sequence's end.

    Where its length is not `defined`, `end` is where what holds it ends. Raises as `element_tokens`.
    """
    return _walk(window, start, _Frame(True, defined, end, encoding))


class Child(NamedTuple):
    """A direct part of a data set, item or sequence, and where it ends, delimiter included."""

    token: Token
    stop: int

    @property
    def inside(self) -> int:
        """Where the content of an item ends, its delimiter not included."""
        return self.stop - (8 if self.token.length == UNDEFINED else 0)


def children(
    window: Window,
    start: int,
    end: int,
    encoding: Encoding,
    *,
    items: bool,
    defined: bool = True,
    padded: bool = False,
) -> Iterator[Child]:
    """Yield the elements of one level, or the items of one sequence, entering none of them.

    Only what is of undefined length is gone through, to find its end. With `padded`, zero bytes at
    the end are no error. Raises as `element_tokens`.
    """
    depth = 0
    outer = None
    for token in _walk(window, start, _Frame(items, defined, end, encoding), enter=False, padded=padded):
        if token.kind >= Kind.ITEM_END:
            depth -= 1
            if depth == 0 and outer:
                yield Child(outer, token.stop)
        elif token.stop < 0:
            depth += 1
            if depth == 1:
                outer = token
        elif depth == 0:
            yield Child(token, token.stop)


def _walk(
    window: Window, position: int, root: _Frame, *, enter: bool = True, padded: bool = False
) -> Iterator[Token]:
    """Walk the structure; unless told to `enter`, step over what is of defined length."""
    limits = window.limits
    stack = [root]
    count = 0
    while stack:
        frame = stack[-1]
        if padded and len(stack) == 1 and is_padding(window, position, frame.end):
            return
        token = _token(window, position, frame, enter=enter)
        kind = token.kind
        position = token.stop
        if kind >= Kind.ITEM_END:
            stack.pop()
            if not stack and not root.holds_items:
                return  # the end of the whole is no token
        elif kind != Kind.ELEMENT and (enter or position < 0):
            position = token.value_at
            stack.append(_open(token, frame))
        count += 1
        if count > limits.elements:
            raise LimitExceeded(f"offset {position}: more than {limits.elements} elements and items")
        if len(stack) > 2 * limits.depth + 1:
            raise LimitExceeded(f"offset {position}: nested deeper than {limits.depth} sequences")
        yield token


def _token(window: Window, position: int, frame: _Frame, *, enter: bool) -> Token:
    if frame.defined and position >= frame.end:
        return _close(frame, position)
    if frame.holds_items:
        return _item(window, position, frame)
    return _element(window, position, frame, enter=enter)


def holds_sequence(window: Window, header: ElementHeader) -> Encoding | None:
    """The encoding of the items, if a value of defined length and unknown VR holds a sequence.

    Then it is implicit little endian, whatever is around it (PS3.5 6.2.2); some writers keep to
    explicit. It is one if its items parse to its very end, so binary data is not taken for one.
    """
    value_at, length = header.value_at, header.length
    if length < 8 or window.fill(value_at, 8) < 8 or window.bytes_at(value_at, 4) != b"\xfe\xff\x00\xe0":
        return None
    trial = window
    if window.size == UNKNOWN_SIZE:
        if length > LARGEST_VALUE:
            return None  # what is inflated as it is read cannot be read twice
        trial, value_at = window_of_bytes(window.bytes_at(value_at, length)), 0
    for encoding in (IMPLICIT_LE, EXPLICIT_LE):
        if _parses(trial, value_at, value_at + length, encoding):
            return encoding
    return None


def _parses(window: Window, start: int, end: int, encoding: Encoding) -> bool:
    """Whether items fill the stretch. Defined lengths inside are stepped over, so it is cheap."""
    try:
        for child in children(window, start, end, encoding, items=True):
            item = child.token
            for _ in children(window, item.value_at, child.inside, item.encoding, items=False):
                pass
    except (MalformedDataSet, LimitExceeded):
        return False
    return True


def _open(token: Token, parent: _Frame) -> _Frame:
    defined = token.length != UNDEFINED
    return _Frame(token.kind is Kind.SEQUENCE, defined, token.stop if defined else parent.end, token.encoding)


def _close(frame: _Frame, position: int) -> Token:
    if position > frame.end:
        raise MalformedDataSet(f"offset {position}: what ends here reaches beyond what holds it")
    kind = Kind.SEQUENCE_END if frame.holds_items else Kind.ITEM_END
    return Token(kind, 0, "", frame.encoding, position, position, 0, position)


def _item(window: Window, position: int, frame: _Frame) -> Token:
    """The token at a place where an item or the end of the sequence must stand."""
    index = window.index(position, 8)
    encoding = frame.encoding
    group, element, length = encoding.header.unpack_from(window.data, index)
    tag = group << 16 | element
    value_at = position + 8
    if tag == ITEM:
        stop = -1 if length == UNDEFINED else value_at + length
        if stop > frame.end:
            raise MalformedDataSet(f"offset {position}: an item is longer than what holds it")
        inner = sniff(window, value_at, frame.end if stop < 0 else stop, encoding)
        return Token(Kind.ITEM, tag, "", inner, position, value_at, length, stop)
    if tag == SEQUENCE_END and (not frame.defined or value_at == frame.end):
        return Token(Kind.SEQUENCE_END, tag, "", encoding, position, value_at, 0, value_at)
    raise MalformedDataSet(f"{tag_text(tag)} at offset {position}: an item must stand here (PS3.5 7.5)")


def _element(window: Window, position: int, frame: _Frame, *, enter: bool) -> Token:
    """The token at a place where an element or the end of the item must stand."""
    encoding = frame.encoding
    header = element_header(window, position, frame.end, encoding)
    tag, vr, value_at, length = header
    if tag >> 16 == 0xFFFE:
        if tag == ITEM_END and (not frame.defined or value_at == frame.end):
            return Token(Kind.ITEM_END, tag, "", encoding, position, value_at, 0, value_at)
        raise MalformedDataSet(f"{tag_text(tag)} at offset {position}: not where an element must stand")
    if length == UNDEFINED:
        return _of_undefined_length(window, header, position, frame)
    stop = value_at + length
    if stop > frame.end:
        raise MalformedDataSet(
            f"{tag_text(tag)} at offset {position}: {length} bytes long, but what holds it ends before"
        )
    items = items_encoding(window, header, encoding) if enter and length else None
    if items is None:
        return Token(Kind.ELEMENT, tag, vr, encoding, position, value_at, length, stop)
    return Token(Kind.SEQUENCE, tag, vr, items, position, value_at, length, stop)


def _of_undefined_length(window: Window, header: ElementHeader, position: int, frame: _Frame) -> Token:
    tag, vr, value_at, length = header
    encoding = frame.encoding
    if is_fragments(tag, vr):
        stop = fragments_end(window, value_at, frame.end, encoding)
        return Token(Kind.ELEMENT, tag, vr, encoding, position, value_at, length, stop)
    items = undefined_items_encoding(vr, encoding)
    return Token(Kind.SEQUENCE, tag, vr, items, position, value_at, length, -1)


def undefined_items_encoding(vr: str, encoding: Encoding) -> Encoding:
    """The encoding of the items of a sequence of undefined length: UN means implicit (PS3.5 6.2.2)."""
    return IMPLICIT_LE if vr == "UN" or not vr else encoding


def items_encoding(window: Window, header: ElementHeader, encoding: Encoding) -> Encoding | None:
    """The encoding of the items, if this element of defined length is a sequence."""
    vr = header.vr
    if vr == "SQ":
        return encoding
    if vr and vr != "UN":
        return None
    known = dictionary_vr(header.tag)
    if not vr and known == "SQ":
        return IMPLICIT_LE
    return holds_sequence(window, header) if known in {"", "SQ"} else None
