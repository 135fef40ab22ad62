"""Raw access to every element of a data set, by path (`hilum_sdk.ElementEditor`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

import attrs

from hilum_sdk.elements.data_set import DataSet, items_of, set_items
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.encoding import SPECIFIC_CHARACTER_SET
from hilum_sdk.elements.errors import LimitExceeded, tag_text
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.segments import Piece, length_of
from hilum_sdk.elements.source import Scratch
from hilum_sdk.elements.text import decode_text, encode_text
from hilum_sdk.elements.vr import PLAIN_TEXT, TEXT, pad, padding
from hilum_sdk.errors import PermanentError
from hilum_sdk.records import Fate

Path = tuple[int, ...]

_LONGEST_TEXT = 16 << 20

_Steps = Iterator[tuple[Path, Element | DataSet]]


class Editor:
    """Changes one data set. A path alternates tags and item numbers: ``(0x00081140, 0, 0x00081150)``.

    Group lengths (gggg,0000) are taken out of groups whose size changes: PS3.5 7.2 retired them and
    has readers ignore them, so one too few harms nobody; a wrong one does.
    """

    def __init__(self, top: DataSet, scratch: Scratch) -> None:
        self._top = top
        self._scratch = scratch
        self._most_levels = top.source.window.limits.depth

    def walk(self) -> Iterator[tuple[Path, Element]]:
        """Every element with its path, in order, a sequence before its items.

        The element just yielded may be removed or replaced. What is added meanwhile is not
        yielded, nor what is below an element that was replaced.
        """
        stack: list[_Steps] = [_elements((), self._top)]
        while stack:
            path, part = next(stack[-1], ((), None))
            if part is None:
                stack.pop()
                continue
            if isinstance(part, DataSet):
                stack.append(_elements(path, part))
                continue
            yield path, part
            if part.is_alive() and part.is_sequence:
                if len(path) > 2 * self._most_levels:
                    raise LimitExceeded(
                        f"{tag_text(path[0])}: nested deeper than {self._most_levels} sequences"
                    )
                stack.append(_items(path, part))

    def levels(self) -> Iterator[Level]:
        """The data set, then each item of each sequence at every depth, after what holds it."""
        top = Level(self._top, self._scratch, None)
        yield top
        stack = [top.below()]
        while stack:
            level = next(stack[-1], None)
            if level is None:
                stack.pop()
                continue
            if len(stack) > self._most_levels:
                raise LimitExceeded(f"nested deeper than {self._most_levels} sequences")
            yield level
            if not level.removed:
                stack.append(level.below())

    def get(self, path: Path) -> Element | None:
        """The element at `path`, or None."""
        data_set = self._data_set(_checked(path))
        return None if data_set is None else data_set.find(path[-1])

    def remove(self, path: Path) -> None:
        """Take the element at `path` away, with all below it. Nothing happens if there is none."""
        data_set = self._data_set(_checked(path))
        if data_set is not None:
            data_set.remove(path[-1])

    def put(self, path: Path, vr: str, value: bytes | BinaryIO) -> None:
        """Set the element at `path`, adding it and the items above it where missing.

        Raises
        ------
        ValueError
            The path is not one of an element, skips an item, or leads through what is no sequence;
            the VR is none; a sequence is put with a value, or encapsulated pixel data as plain.
        """
        self._check_put(_checked(path), vr, value)
        piece = self._piece(vr, value)
        data_set = self._top
        for tag, number in zip(path[:-1:2], path[1::2], strict=True):
            sequence = data_set.find(tag)
            if sequence is None or not sequence.is_sequence:
                sequence = data_set.put(tag, "SQ", b"")
            if number == len(items_of(sequence)):
                set_items(sequence, [*items_of(sequence), DataSet.made(sequence)])
            data_set = items_of(sequence)[number]
        data_set.put(path[-1], vr, piece)

    def item_count(self, path: Path) -> int:
        """How many items the sequence at `path` has; 0 where there is none."""
        sequence = self.get(path)
        return len(items_of(sequence)) if sequence is not None and sequence.is_sequence else 0

    def text(self, path: Path) -> str | None:
        """The text of the element at `path`; see `hilum_sdk.ElementEditor`."""
        element = self.get(path)
        if element is None or element.is_sequence or element.vr not in TEXT | PLAIN_TEXT:
            return None
        value = element.value
        if not isinstance(value, bytes):
            with value.open() as stream:
                value = stream.read(_LONGEST_TEXT + 1)
            if len(value) > _LONGEST_TEXT:
                raise PermanentError(f"it is longer than {_LONGEST_TEXT} bytes")
        return decode_text(element.vr, value, self._character_set(path))

    def encode_text(self, vr: str, text: str, path: Path = ()) -> bytes:
        """Encode text in the Specific Character Set that holds at `path` (PS3.5 6.1).

        Raises
        ------
        PermanentError
            The character set has no such character; the text is not quoted.
        """
        return encode_text(vr, text, self._character_set(path))

    def _character_set(self, path: Path) -> bytes:
        """As it stands in the innermost item around `path` that says one (PS3.5 6.1.2.3)."""
        data_set, said = self._top, _inherited(self._top)
        for tag, number in zip(path[:-1:2], path[1::2], strict=False):
            sequence = data_set.find(tag)
            if sequence is None or not sequence.is_sequence or number >= len(items_of(sequence)):
                break
            data_set = items_of(sequence)[number]
            said = data_set.find(SPECIFIC_CHARACTER_SET) or said
        value = said.value if said is not None else b""
        return value if isinstance(value, bytes) else b""

    def _data_set(self, path: Path) -> DataSet | None:
        """What holds the element at `path`, or would."""
        data_set = self._top
        for tag, number in zip(path[:-1:2], path[1::2], strict=True):
            sequence = data_set.find(tag)
            if sequence is None or not sequence.is_sequence or number >= len(items_of(sequence)):
                return None
            data_set = items_of(sequence)[number]
        return data_set

    def _check_put(self, path: Path, vr: str, value: bytes | BinaryIO) -> None:
        """Refuse before anything is changed."""
        if len(vr) != 2 or not vr.isascii() or not vr.isupper():
            raise ValueError(f"{tag_text(path[-1])}: not a value representation: {vr!r}")
        if vr == "SQ" and value != b"":
            raise ValueError(f"{tag_text(path[-1])}: put the elements of its items, not the sequence")
        if len(path) > 2 * self._most_levels + 1:
            raise LimitExceeded(f"{tag_text(path[-1])}: nested deeper than {self._most_levels} sequences")
        data_set: DataSet | None = self._top
        for tag, number in zip(path[:-1:2], path[1::2], strict=True):
            sequence = data_set.find(tag) if data_set is not None else None
            is_sequence = sequence is not None and sequence.is_sequence
            if sequence is not None and not is_sequence and sequence.value_length:
                raise ValueError(f"{tag_text(tag)}: not a sequence, so it has no items")
            items = items_of(sequence) if sequence is not None and is_sequence else []
            if number > len(items):
                raise ValueError(f"{tag_text(tag)}: item {number} is more than one past the last")
            data_set = items[number] if number < len(items) else None
        found = data_set.find(path[-1]) if data_set is not None else None
        if found is not None and found.is_encapsulated:
            raise ValueError(f"{tag_text(path[-1])}: it is encapsulated; use replace_pixels, or remove it")

    def _piece(self, vr: str, value: bytes | BinaryIO) -> Piece:
        if isinstance(value, bytes):
            padded = pad(vr, value)
            return padded if len(padded) <= LARGEST_VALUE else self._scratch.keep_pieces([padded])
        kept = self._scratch.keep(value)
        if missing := padding(vr, kept.length):
            kept.file.write(missing)
            kept = attrs.evolve(kept, length=kept.length + len(missing))
        if length_of(kept) > LARGEST_VALUE:
            return kept
        kept.file.seek(0)
        return kept.file.read()


class Level:
    """The elements that stand side by side (`hilum_sdk.Level`)."""

    __slots__ = ("_scratch", "data_set", "parent", "removed")

    def __init__(self, data_set: DataSet, scratch: Scratch, parent: Level | None) -> None:
        self.data_set = data_set
        self.parent = parent
        self.removed = False
        self._scratch = scratch

    @property
    def sequence(self) -> Element | None:
        """The sequence that this is an item of."""
        return self.data_set.parent

    @property
    def elements(self) -> Editor:
        """The same elements by path, as seen from here."""
        return Editor(self.data_set, self._scratch)

    def contents(self) -> tuple[Element, ...]:
        """The elements in their order, to look at."""
        return tuple(self.data_set.elements())

    def rewrite(self, decide: Callable[[Element], Fate | bytes]) -> None:
        """Decide about each element in its order: keep it, remove it, or give it a new value."""
        self.data_set.rewrite(decide)

    def remove(self) -> None:
        """Take this item out of its sequence."""
        sequence = self.data_set.parent
        if sequence is None:
            raise ValueError("the data set itself is no item")
        set_items(sequence, [item for item in items_of(sequence) if item is not self.data_set])
        self.removed = True

    def below(self) -> Iterator[Level]:
        """The items of its sequences; what was not changed is forgotten when they are through."""
        data_set = self.data_set
        data_set.pins += 1
        for element in tuple(data_set.elements()):
            if element.data_set is data_set and element.is_sequence:
                element.pins += 1
                for item in tuple(items_of(element)):
                    yield Level(item, self._scratch, self)
                element.pins -= 1
                element.release()
        data_set.pins -= 1
        if data_set.parent is not None:
            data_set.release()


def _inherited(data_set: DataSet | None) -> Element | None:
    """The Specific Character Set of an item, or of what holds it."""
    while data_set is not None:
        if (said := data_set.find(SPECIFIC_CHARACTER_SET)) is not None:
            return said
        data_set = data_set.parent.data_set if data_set.parent is not None else None
    return None


def _checked(path: Path) -> Path:
    tags, numbers = path[::2], path[1::2]
    if (
        len(path) % 2 == 0
        or any(not 0 <= tag <= 0xFFFFFFFF or tag >> 16 == 0xFFFE for tag in tags)
        or any(number < 0 for number in numbers)
    ):
        raise ValueError("a path is a tag, or a tag and an item number before each further tag")
    return path


def _elements(path: Path, data_set: DataSet) -> _Steps:
    """Visit one level; it is forgotten afterwards if nothing in it was changed."""
    data_set.pins += 1
    for element in tuple(data_set.elements()):
        if element.is_alive():
            yield (*path, element.tag), element
    data_set.pins -= 1
    if path:
        data_set.release()


def _items(path: Path, sequence: Element) -> _Steps:
    sequence.pins += 1
    for number, item in enumerate(tuple(items_of(sequence))):
        yield (*path, number), item
    sequence.pins -= 1
    sequence.release()
