"""An object as components get to see it, as protocols: its elements, a draft of it, what leaves.

The core may add to them, never take away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO, Protocol

from hilum_sdk.records import Fate, Instance

if TYPE_CHECKING:  # pydicom takes 0.3 s to import, and coordinators never read a data set
    from pydicom.dataset import Dataset


class Bulk(Protocol):
    """A large value that stays on disk: pixel data, a document, a waveform, at any depth."""

    @property
    def length(self) -> int:
        """Bytes, padding included; of encapsulated pixel data, items and delimiters included."""
        ...

    def open(self) -> BinaryIO:
        """Open the value for reading from its first byte. The caller closes it."""
        ...


class RawElement(Protocol):
    """One element as it is encoded. ``vr`` is ``"UN"`` where implicit VR leaves it unknown."""

    @property
    def tag(self) -> int:
        """Group and element as one number, such as 0x00100020."""
        ...

    @property
    def vr(self) -> str:
        """Two letters (PS3.5 6.2)."""
        ...

    @property
    def value(self) -> bytes | Bulk:
        """The encoded bytes in the object's byte order, padding included; empty for a sequence."""
        ...

    @property
    def is_sequence(self) -> bool:
        """Whether the value is a sequence of items, UN of undefined length and private ones included."""
        ...


class Level(Protocol):
    """The elements that stand side by side: those of the data set itself, or of one item."""

    @property
    def parent(self) -> Level | None:
        """The level that holds the sequence of this item; None of the data set itself."""
        ...

    @property
    def sequence(self) -> RawElement | None:
        """The sequence that this is an item of; None of the data set itself."""
        ...

    @property
    def elements(self) -> ElementEditor:
        """The same elements by path, as seen from here."""
        ...

    def contents(self) -> Sequence[RawElement]:
        """The elements in their order, to look at."""
        ...

    def rewrite(self, decide: Callable[[RawElement], Fate | bytes]) -> None:
        """Decide about each element in its order: keep it, remove it, or give it a new value.

        A new value keeps the VR, and is padded by it. A sequence can only be emptied: ``b""``.

        Raises
        ------
        ValueError
            A sequence or encapsulated pixel data was given a value.
        """
        ...

    def remove(self) -> None:
        """Take this item out of its sequence, with all below it."""
        ...


class ElementEditor(Protocol):
    """Raw access to every element of one data set, at every depth. What is not changed keeps its bytes."""

    def walk(self) -> Iterator[tuple[tuple[int, ...], RawElement]]:
        """Every element with its path, in the order of the data set, a sequence before its items.

        The element just yielded may be removed or replaced while walking.
        """
        ...

    def levels(self) -> Iterator[Level]:
        """The data set, then each item of each sequence at every depth, after what holds it.

        For who has something to say about every element: faster than `walk`. What is below an
        element or item that was removed does not come.
        """
        ...

    def get(self, path: tuple[int, ...]) -> RawElement | None:
        """The element at `path`, or None."""
        ...

    def remove(self, path: tuple[int, ...]) -> None:
        """Take the element at `path` away, with all below it. Nothing happens if there is none."""
        ...

    def put(self, path: tuple[int, ...], vr: str, value: bytes | BinaryIO) -> None:
        """Set the element at `path`, in its place by tag, adding it and the items above it where missing.

        `value` is encoded in the object's byte order (see `encode_text` for its character set); an
        odd one is padded by the rule of its VR (PS3.5 6.2). An item index may be at most one past
        the last. With VR ``SQ`` the value must be empty: put the elements of its items instead.

        Raises
        ------
        ValueError
            The path is not one of an element, or skips an item.
        """
        ...

    def item_count(self, path: tuple[int, ...]) -> int:
        """How many items the sequence at `path` has; 0 where there is none."""
        ...

    def text(self, path: tuple[int, ...]) -> str | None:
        """The text of the element at `path`, several values joined by backslashes, without padding.

        None where there is none, or none that is text: a sequence, a binary number, bytes.

        Raises
        ------
        PermanentError
            It has bytes that mean nothing in its character set, or is longer than 16 MiB. Nothing is
            guessed, and nothing quoted.
        """
        ...

    def encode_text(self, vr: str, text: str, path: tuple[int, ...] = ()) -> bytes:
        """Encode text in the Specific Character Set that holds at `path` (PS3.5 6.1).

        An item may have a character set of its own; without a path, it is that of the object.

        Raises
        ------
        PermanentError
            The character set has no such character; the text is not quoted.
        """
        ...


class Draft(Protocol):
    """One object on its way through a chain of transforms.

    Owned by the core, used by one thread, valid during the call only. A transform works either on
    `dataset` or on `elements`; using both in one `apply` is a defect and raises.
    """

    @property
    def instance(self) -> Instance:
        """The object as it came in, whatever earlier transforms of the chain did."""
        ...

    @property
    def transfer_syntax_uid(self) -> str:
        """Of the data set as it stands now."""
        ...

    @property
    def dataset(self) -> Dataset:
        """The data set, parsed at first use; what stands after Pixel Data included.

        Values of 64 KiB and more are not read: they are absent here and kept as they are, unless
        the transform sets them.
        """
        ...

    @property
    def elements(self) -> ElementEditor:
        """The raw elements, to look at and to change."""
        ...

    def frames(self) -> Iterator[bytes]:
        """The encoded frames of the pixel data, one at a time.

        Raises
        ------
        PermanentError
            The object has no pixel data, or its frames cannot be told apart.
        """
        ...

    def replace_pixels(self, transfer_syntax_uid: str, frames: Iterable[bytes]) -> None:
        """Put encoded frames in the place of the pixel data, in another transfer syntax if need be."""
        ...

    def note(self, code: str, *, count: int = 1) -> None:
        """Count something for the report of the rendering. No values: codes only."""
        ...


class Item(Protocol):
    """What a sink gets: what *leaves*, never what came."""

    @property
    def id(self) -> str:
        """The id of the delivery."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first."""
        ...

    @property
    def deidentified(self) -> bool:
        """Whether a de-identifying transform has passed it."""
        ...

    @property
    def origin(self) -> Instance | None:
        """The object as it came in; None where what leaves is de-identified."""
        ...

    @property
    def sop_class_uid(self) -> str:
        """Of what leaves."""
        ...

    @property
    def sop_instance_uid(self) -> str:
        """Of what leaves."""
        ...

    @property
    def transfer_syntax_uid(self) -> str:
        """Of what leaves, as it is stored."""
        ...

    @property
    def transfer_syntaxes(self) -> Sequence[str]:
        """What the core can supply, as it is first."""
        ...

    @property
    def part10_bytes(self) -> int:
        """The size of what `part10` gives in the object's own transfer syntax."""
        ...

    @property
    def header(self) -> Dataset:
        """The elements of what leaves, large values left out. The sink's own copy."""
        ...

    def part10(self, transfer_syntax_uid: str | None = None) -> BinaryIO:
        """A DICOM file with minimal File Meta Information (PS3.10 7.1); seekable, closed by the sink."""
        ...

    def data_set(self, transfer_syntax_uid: str | None = None) -> BinaryIO:
        """The encoded data set alone; seekable, closed by the sink."""
        ...
