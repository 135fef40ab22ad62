"""One object on its way through a chain of transforms (`hilum_sdk.Draft`), on its encoded bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

import attrs
from pydicom.dataset import Dataset

from hilum_sdk.elements.changes import Comparison
from hilum_sdk.elements.data_set import DataSet
from hilum_sdk.elements.differing import tags_that_differ
from hilum_sdk.elements.editor import Editor
from hilum_sdk.elements.edits import Edit, apply_edits, edits_of
from hilum_sdk.elements.encoding import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    PIXEL_DATA,
    PIXEL_TAGS,
    encoding_of,
    is_deflated,
    is_native,
)
from hilum_sdk.elements.header import read_header
from hilum_sdk.elements.inflate import deflated
from hilum_sdk.elements.limits import LIMITS, Limits
from hilum_sdk.elements.pixels import (
    OFFSET_TABLES,
    concatenate,
    encapsulate,
    frames,
    native_vr,
    pixel_element,
)
from hilum_sdk.elements.reencoding import reencode_between
from hilum_sdk.elements.segments import Segment, SegmentReader, chunks_of, copy, write_all
from hilum_sdk.elements.source import Scratch, Source
from hilum_sdk.elements.tokens import element_tokens
from hilum_sdk.elements.vr import name_tag
from hilum_sdk.elements.writer import pieces
from hilum_sdk.records import Instance

if TYPE_CHECKING:
    from hilum_sdk.views import Draft

DRAFT_LIMITS = Limits(bytes_read=1 << 30, elements=5_000_000)
"""Rendering reads what it changes, under a deadline and a memory limit of its own."""


@attrs.frozen(kw_only=True)
class DraftState:
    """A draft as it stands between two transforms, for another process to go on with.

    ``base`` is an encoded data set, inflated, and ``edits`` are what became of it; ``replaced`` says
    that the pixel data has been. Images stay in their files.
    """

    transfer_syntax_uid: str
    base: Segment
    edits: Sequence[Edit] = ()
    replaced: bool = False
    differing: frozenset[int] = frozenset()
    """Tags of what was changed before it was encoded anew as ``base``."""


@attrs.frozen(kw_only=True)
class _NewPixels:
    transfer_syntax_uid: str
    value: Segment


class FileDraft:
    """A draft over the file that holds the object. Close it when the chain is through.

    A transform works on `dataset` or on `elements`. Its changes are taken over by `next_transform`,
    which the core calls between transforms, and by `write_data_set`. Top-level pixel data is never
    in `dataset`; it is kept unless the transform sets it there or calls `replace_pixels`.
    """

    def __init__(
        self,
        data_set: Segment,
        *,
        transfer_syntax_uid: str,
        instance: Instance,
        scratch: Scratch,
        limits: Limits,
        inflated: bool = False,
    ) -> None:
        self._original = data_set
        self._scratch = scratch
        self._limits = limits
        self._transfer_syntax_uid = transfer_syntax_uid
        self._instance = instance
        self._notes: dict[str, int] = {}
        self._dataset: Dataset | None = None
        self._comparison: Comparison | None = None
        self._editor: Editor | None = None
        self._new_pixels: _NewPixels | None = None
        self._replaced = False
        self._differing: frozenset[int] = frozenset()
        self._base = data_set
        if is_deflated(transfer_syntax_uid) and not inflated:
            self._base = scratch.inflate(SegmentReader([data_set]), limits)
        self._top = self._read_base()

    @classmethod
    def resume(
        cls, state: DraftState, *, instance: Instance, scratch_dir: Path, limits: Limits = DRAFT_LIMITS
    ) -> FileDraft:
        """Go on with a draft of another process; closing it closes the files of its state."""
        draft = cls(
            state.base,
            transfer_syntax_uid=state.transfer_syntax_uid,
            instance=instance,
            scratch=Scratch(scratch_dir),
            limits=limits,
            inflated=True,
        )
        try:
            draft.take_over(state)
        except BaseException:
            draft.close()
            raise
        return draft

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        data_set_offset: int,
        data_set_length: int,
        transfer_syntax_uid: str,
        instance: Instance,
        limits: Limits = DRAFT_LIMITS,
        scratch_dir: Path | None = None,
    ) -> FileDraft:
        """Open the object in a file.

        Parameters
        ----------
        scratch_dir
            Where large new values go, in files without a name; beside the object by default.

        Raises
        ------
        MalformedDataSet, LimitExceeded
            It is deflated, and cannot be inflated.
        """
        file = io.FileIO(path, "rb")
        scratch = Scratch(scratch_dir or path.parent)
        data_set = Segment(file=file, offset=data_set_offset, length=data_set_length)
        try:
            return cls(
                data_set,
                transfer_syntax_uid=transfer_syntax_uid,
                instance=instance,
                scratch=scratch,
                limits=limits,
            )
        except BaseException:
            scratch.close()
            file.close()
            raise

    def close(self) -> None:
        """Let go of the files; safe twice."""
        self._scratch.close()
        self._original.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ---- for transforms

    @property
    def instance(self) -> Instance:
        """The object as it came in."""
        return self._instance

    @property
    def transfer_syntax_uid(self) -> str:
        """As it now stands; `replace_pixels` shows in the next transform."""
        return self._transfer_syntax_uid

    @property
    def dataset(self) -> Dataset:
        """The data set without pixel data and values of 64 KiB and more, parsed at first use."""
        self._refuse(self._editor, "elements", "dataset")
        if self._dataset is None:
            plain = EXPLICIT_VR_LITTLE_ENDIAN if is_deflated(self._transfer_syntax_uid) else None
            reader = SegmentReader(list(pieces(self._top)))
            # Each element becomes an object here, which raw access spares.
            limits = attrs.evolve(self._limits, elements=min(self._limits.elements, LIMITS.elements))
            self._dataset = read_header(reader, plain or self._transfer_syntax_uid, limits=limits)
            self._comparison = Comparison(self._dataset)
        return self._dataset

    @property
    def elements(self) -> Editor:
        """Raw access to every element, at every depth."""
        self._refuse(self._dataset, "dataset", "elements")
        if self._editor is None:
            self._editor = Editor(self._top, self._scratch)
        return self._editor

    def frames(self) -> Iterator[bytes]:
        """The encoded frames of the pixel data, one at a time, as they stood before this transform.

        Raises
        ------
        PermanentError
            The object has no pixel data, or its frames cannot be told apart.
        """
        return frames(self._top)

    def replace_pixels(self, transfer_syntax_uid: str, frames: Iterable[bytes]) -> None:
        """Put encoded frames in the place of the pixel data, when this transform is through.

        Attributes that describe pixels (Photometric Interpretation, Lossy Image Compression, …) are
        the transform's to set.
        """
        lay_out = concatenate if is_native(transfer_syntax_uid) else encapsulate
        self._new_pixels = _NewPixels(
            transfer_syntax_uid=transfer_syntax_uid, value=lay_out(frames, self._scratch)
        )

    def note(self, code: str, *, count: int = 1) -> None:
        """Count something for the report of the rendering. No values: codes only."""
        if not isinstance(code, str) or not isinstance(count, int):
            raise TypeError("a note is a code in words, and how often")
        self._notes[code] = self._notes.get(code, 0) + count

    # ---- for the core

    @property
    def top(self) -> DataSet:
        """The data set as it now stands; it is another one after the next transform."""
        self.next_transform()
        return self._top

    @property
    def changed(self) -> bool:
        """Whether the object is no longer as it came."""
        return self.top.changed or self._replaced

    @property
    def changed_keywords(self) -> Sequence[str]:
        """What is no longer as it came, at any depth, by keyword, or by tag where there is none; sorted."""
        differing = tags_that_differ(self.top) | self._differing
        return sorted(name_tag(tag) for tag in differing)

    @property
    def notes(self) -> Mapping[str, int]:
        """What the transforms counted."""
        return dict(self._notes)

    @property
    def sop_class_uid(self) -> str:
        """As it now stands; empty where it is missing."""
        return self._uid(0x00080016)

    @property
    def sop_instance_uid(self) -> str:
        """As it now stands; empty where it is missing."""
        return self._uid(0x00080018)

    def next_transform(self) -> None:
        """Take over what the last transform did, and be ready for the next.

        Raises
        ------
        ElementsError
            What it did cannot be encoded.
        """
        if self._comparison is not None:
            self._comparison.take_over(self._top, encapsulated=not is_native(self._transfer_syntax_uid))
        self._dataset = self._comparison = self._editor = None
        if self._new_pixels is not None:
            self._take_pixels(self._new_pixels)
            self._new_pixels = None

    def examine(self) -> None:
        """Read the structure of the whole, at every depth.

        Raises
        ------
        MalformedDataSet
            A length is a lie, or something else stands where an element or an item must.
        LimitExceeded
            It is deeper, or larger, than the limits.
        """
        source = Source(self._base, self._limits)
        for _ in element_tokens(source.window, 0, source.size, self._top.encoding):
            pass

    def state(self) -> DraftState:
        """As it now stands, for another process; good until this draft is closed."""
        self.next_transform()
        return DraftState(
            transfer_syntax_uid=self._transfer_syntax_uid,
            base=self._base,
            edits=edits_of(self._top, self._scratch),
            replaced=self._replaced,
            differing=self._differing,
        )

    def take_over(self, state: DraftState) -> None:
        """Stand as another process left it; its files are closed with this draft.

        Raises
        ------
        ElementsError
            The state holds what is no element.
        """
        for piece in (state.base, *(edit.value for edit in state.edits)):
            if isinstance(piece, Segment):
                self._scratch.adopt(piece.file)
        self._transfer_syntax_uid = state.transfer_syntax_uid
        self._replaced = state.replaced
        self._differing = state.differing
        self._base = state.base
        self._top = self._read_base()
        apply_edits(self._top, state.edits)

    def write_data_set(self, out: BinaryIO, *, written: Callable[[int], None] = lambda _: None) -> int:
        """Write the encoded data set and return its length in bytes.

        Unchanged, the bytes are those that came. Long stretches are copied by the kernel where `out`
        is a file. ``written`` is told again and again how many bytes more there are.
        """
        if not self.changed:
            return copy([self._original], out, written=written)
        if not is_deflated(self._transfer_syntax_uid):
            return copy(pieces(self._top), out, written=written)
        length = 0
        for chunk in deflated(chunks_of(pieces(self._top))):
            write_all(out, chunk)
            written(len(chunk))
            length += len(chunk)
        return length

    def _read_base(self) -> DataSet:
        return DataSet.top(Source(self._base, self._limits), encoding_of(self._transfer_syntax_uid))

    def _refuse(self, other: object, used: str, asked: str) -> None:
        if other is not None:
            raise RuntimeError(
                f"draft: a transform used `{used}` and then `{asked}`; work on one of the two in one apply"
            )

    def _uid(self, tag: int) -> str:
        found = self.top.find(tag)
        value = found.value if found is not None else b""
        return value.strip(b" \0").decode("ascii", "replace") if isinstance(value, bytes) else ""

    def _take_pixels(self, new: _NewPixels) -> None:
        self._differing |= tags_that_differ(self._top)
        old = pixel_element(self._top)
        tag = old.tag if old is not None else PIXEL_DATA
        self._differing |= {tag}
        for gone in (*PIXEL_TAGS, *OFFSET_TABLES):
            self._top.remove(gone)
        self._change_encoding(new.transfer_syntax_uid)
        if is_native(new.transfer_syntax_uid):
            self._top.put(tag, native_vr(self._top, tag), new.value)
        else:
            self._top.put(PIXEL_DATA, "OB", new.value, fragments=True)
        self._transfer_syntax_uid = new.transfer_syntax_uid
        self._replaced = True

    def _change_encoding(self, transfer_syntax_uid: str) -> None:
        """Encode what there is, now without pixels, as this transfer syntax wants it."""
        if self._top.encoding is encoding_of(transfer_syntax_uid):
            return
        file = self._scratch.file()
        length = reencode_between(
            SegmentReader(list(pieces(self._top))),
            file,
            self._top.encoding,
            encoding_of(transfer_syntax_uid),
            self._limits,
        )
        self._base = Segment(file=file, offset=0, length=length)
        self._top = DataSet.top(Source(self._base, self._limits), encoding_of(transfer_syntax_uid))


def _implements(draft: FileDraft) -> Draft:
    """Let the type checker say whether it does."""
    return draft
