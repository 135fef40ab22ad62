"""What a sink gets of an object that leaves (`hilum_sdk.Item`), over the file that holds it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from pydicom.dataset import Dataset

from hilum_sdk.elements.errors import ElementsError
from hilum_sdk.elements.header import read_header
from hilum_sdk.elements.part10 import minimal_file_meta
from hilum_sdk.elements.reencoding import reencode
from hilum_sdk.elements.segments import Piece, Segment, SegmentReader
from hilum_sdk.errors import PermanentError
from hilum_sdk.records import Instance

if TYPE_CHECKING:
    from hilum_sdk.views import Item


@attrs.frozen(kw_only=True)
class FileItem:
    """One object in a file: the one that came in, or a rendering of it.

    The data set is ``data_set_length`` bytes at ``data_set_offset`` of the file at ``path``.
    ``transfer_syntaxes`` is what `part10` and `data_set` can supply, its own first. What is
    re-encoded is kept in files without a name in ``scratch_dir`` while it is read.
    """

    id: str
    attempt: int
    path: Path
    data_set_offset: int
    data_set_length: int
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    transfer_syntaxes: Sequence[str]
    deidentified: bool
    origin: Instance | None
    scratch_dir: Path

    @property
    def part10_bytes(self) -> int:
        """The size of what `part10` gives in the object's own transfer syntax."""
        return len(self._file_meta(self.transfer_syntax_uid)) + self.data_set_length

    @property
    def header(self) -> Dataset:
        """The elements of what leaves, large values left out; read anew each time."""
        with self.data_set() as stream:
            return read_header(stream, self.transfer_syntax_uid)

    def part10(self, transfer_syntax_uid: str | None = None) -> SegmentReader:
        """A DICOM file with ordinary, minimal File Meta Information; seekable, closed by the sink.

        Raises
        ------
        PermanentError
            The object cannot be supplied in this transfer syntax.
        """
        wanted = transfer_syntax_uid or self.transfer_syntax_uid
        return self._reader(wanted, [self._file_meta(wanted)])

    def data_set(self, transfer_syntax_uid: str | None = None) -> SegmentReader:
        """The encoded data set alone; seekable, closed by the sink. Raises as `part10` does."""
        return self._reader(transfer_syntax_uid or self.transfer_syntax_uid, [])

    def _file_meta(self, transfer_syntax_uid: str) -> bytes:
        return minimal_file_meta(
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
        )

    def _reader(self, wanted: str, before: list[Piece]) -> SegmentReader:
        if wanted not in self.transfer_syntaxes:
            offered = ", ".join(self.transfer_syntaxes)
            raise PermanentError(f"item {self.id}: cannot be supplied as {wanted}; it can as {offered}")
        file = io.FileIO(self.path, "rb")
        segment = Segment(file=file, offset=self.data_set_offset, length=self.data_set_length)
        if wanted != self.transfer_syntax_uid:
            with file:
                segment = self._reencoded(segment, wanted)
        return SegmentReader([*before, segment], owned=segment.file)

    def _reencoded(self, data_set: Segment, wanted: str) -> Segment:
        out = tempfile.TemporaryFile(buffering=0, dir=self.scratch_dir)  # noqa: SIM115 - the reader owns it
        assert isinstance(out, io.FileIO)
        try:
            length = reencode(
                SegmentReader([data_set]),
                out,
                from_transfer_syntax_uid=self.transfer_syntax_uid,
                to_transfer_syntax_uid=wanted,
                scratch_dir=self.scratch_dir,
            )
        except ElementsError as error:
            out.close()
            raise PermanentError(f"item {self.id}: cannot be re-encoded as {wanted}: {error}") from error
        except BaseException:
            out.close()
            raise
        return Segment(file=out, offset=0, length=length)


def _implements(item: FileItem) -> Item:
    """Let the type checker say whether it does."""
    return item
