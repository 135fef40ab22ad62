"""What `hilum send` does: files to associations, and one outcome for every file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import attrs
from pydicom.uid import UID

from hilum_core.cli.dicom_files import DicomFile
from hilum_core.cli.peer import Call
from hilum_core.dicom.contexts import MOST_CONTEXTS
from hilum_core.dicom.requestor import (
    AssociationLost,
    FileSegment,
    NoContextAccepted,
    RequestorAssociation,
    RequestorError,
    RequestorSettings,
)
from hilum_core.dicom.statuses import SUCCESS, Verdict, judge_store, status_in_words
from hilum_core.log import escape
from hilum_sdk import ContextNeed

Kind = tuple[str, str]
"""SOP class and transfer syntax: what a presentation context is for."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one file. ``words`` say why not, or what the peer remarked."""

    file: DicomFile
    is_stored: bool
    words: str = ""


@attrs.frozen(kw_only=True)
class Batch:
    """Files that fit one association, and the contexts that they need."""

    files: tuple[DicomFile, ...]
    kinds: tuple[Kind, ...]

    @property
    def needs(self) -> list[ContextNeed]:
        """One presentation context for each kind: files are sent as they are."""
        return [ContextNeed(sop_class_uid=sop, transfer_syntaxes=(syntax,)) for sop, syntax in self.kinds]


def kind_of(file: DicomFile) -> Kind:
    """The presentation context that a file needs."""
    return file.sop_class_uid, file.transfer_syntax_uid


def batches(files: Sequence[DicomFile], *, most: int = MOST_CONTEXTS) -> Iterator[Batch]:
    """Split files into associations of at most `most` presentation contexts, in their order."""
    kinds: dict[Kind, None] = {}
    start = 0
    for index, file in enumerate(files):
        kind = kind_of(file)
        if kind not in kinds and len(kinds) == most:
            yield Batch(files=tuple(files[start:index]), kinds=tuple(kinds))
            kinds, start = {}, index
        kinds[kind] = None
    if kinds:
        yield Batch(files=tuple(files[start:]), kinds=tuple(kinds))


def send_files(files: Sequence[DicomFile], call: Call) -> Iterator[Outcome]:
    """Send every file, over as many associations as it takes; one outcome for each, as it comes.

    An association that breaks costs the file that was under way; the others go over a new one. When
    none can be opened, all that is left fails with the reason.
    """
    left = list(files)
    while left:
        batch = next(batches(left))
        try:
            association = RequestorAssociation.open(
                call.node, batch.needs, RequestorSettings(calling_ae=call.calling_ae)
            )
        except NoContextAccepted:
            outcomes: Iterator[Outcome] = (_not_accepted(file) for file in batch.files)
        except RequestorError as error:
            yield from (Outcome(file=file, is_stored=False, words=error.message) for file in left)
            return
        else:
            outcomes = _send_batch(association, batch)
        for outcome in outcomes:
            left.pop(0)
            yield outcome


def _send_batch(association: RequestorAssociation, batch: Batch) -> Iterator[Outcome]:
    """Send the files of a batch, in order, for as long as the association lasts."""
    with association, closing(_FilesAhead(batch.files, association)) as files:
        for index, file in enumerate(batch.files):
            try:
                yield _send_one(association, files, index)
            except AssociationLost as error:
                if not error.nothing_sent or index == 0:
                    yield Outcome(file=file, is_stored=False, words=error.message)
                return
            if not association.is_usable:
                return


def _send_one(association: RequestorAssociation, files: _FilesAhead, index: int) -> Outcome:
    file = files.files[index]
    try:
        with files.opened(index) as segment:
            answer = association.store(
                segment,
                sop_class_uid=file.sop_class_uid,
                sop_instance_uid=file.sop_instance_uid,
                transfer_syntax_uid=file.transfer_syntax_uid,
                while_waiting=lambda: files.open_ahead(index + 1),
            )
    except NoContextAccepted:
        return _not_accepted(file)
    except OSError as error:
        return Outcome(file=file, is_stored=False, words=f"cannot be read: {error.strerror}")
    comment = f" ({escape(answer.comment)})" if answer.comment else ""
    return Outcome(
        file=file,
        is_stored=judge_store(answer.status) is Verdict.DELIVERED,
        words="" if answer.status == SUCCESS else status_in_words(answer.status) + comment,
    )


class _FilesAhead:
    """Opens files one after the other, each while the peer is still at work on the one before.

    By bare descriptors: of a small object, a buffered file would cost as much as sending it.
    """

    def __init__(self, files: Sequence[DicomFile], association: RequestorAssociation) -> None:
        self.files = files
        self._association = association
        self._open: dict[int, FileSegment] = {}

    @contextmanager
    def opened(self, index: int) -> Iterator[FileSegment]:
        """The data set of a file. Raises OSError if it cannot be opened."""
        segment = self._open.pop(index, None) or self._segment(index)
        try:
            yield segment
        finally:
            os.close(segment.fd)

    def open_ahead(self, index: int) -> None:
        """Get a file ready, if there is one. What is wrong with it shows when its turn has come."""
        if index < len(self.files):
            with suppress(OSError):
                self._open[index] = self._segment(index)
                self._association.get_ready(self._open[index])

    def _segment(self, index: int) -> FileSegment:
        file = self.files[index]
        descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        return FileSegment(fd=descriptor, offset=file.data_set_offset, length=file.data_set_bytes)

    def close(self) -> None:
        """Close what was opened and not sent."""
        for segment in self._open.values():
            os.close(segment.fd)


def _not_accepted(file: DicomFile) -> Outcome:
    sop_class, transfer_syntax = UID(file.sop_class_uid).name, UID(file.transfer_syntax_uid).name
    words = f"the peer accepts no presentation context for {sop_class} in {transfer_syntax}"
    return Outcome(file=file, is_stored=False, words=words)
