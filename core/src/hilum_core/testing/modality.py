"""`send`: a modality that is not our code (pynetdicom's SCU) and sends a file's bytes as they stand."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from pydicom.uid import UID
from pynetdicom import AE, _config
from pynetdicom.dsutils import split_dataset

_MOST_CONTEXTS = 128
_NEEDED = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")


@attrs.frozen(kw_only=True)
class SentFile:
    """A DICOM file as its File Meta Information tells it; ``data_set`` are the bytes behind that."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    data_set: bytes = attrs.field(repr=False)

    @classmethod
    def read(cls, path: Path) -> SentFile:
        """Read a file by pydicom and pynetdicom, none of our code.

        Raises
        ------
        InvalidDicomError
            It is no DICOM file.
        AttributeError
            It does not say its class, instance or transfer syntax.
        """
        meta, offset = split_dataset(path)
        if not all(meta.get(keyword) for keyword in _NEEDED):
            raise AttributeError(f"{path.name}: its File Meta Information is not complete")
        return cls(
            path=path,
            sop_class_uid=str(meta.MediaStorageSOPClassUID),
            sop_instance_uid=str(meta.MediaStorageSOPInstanceUID),
            transfer_syntax_uid=str(meta.TransferSyntaxUID),
            data_set=path.read_bytes()[offset:],
        )


def send(
    files: Sequence[SentFile], port: int, *, calling_ae: str = "MODALITY", called_ae: str = "HILUM"
) -> Mapping[Path, int | str]:
    """Send files over as many associations as their presentation contexts need.

    Returns
    -------
    For each file the status that it was answered with, or in words why it could not be sent.
    """
    answers: dict[Path, int | str] = {}
    with _as_it_stands():
        for batch in _batches(files):
            association = _associate(batch, port, calling_ae=calling_ae, called_ae=called_ae)
            for file in batch:
                answers[file.path] = _store(association, file)
            if association.is_established:
                association.release()
    return answers


def _batches(files: Sequence[SentFile]) -> Iterator[list[SentFile]]:
    contexts: set[tuple[str, str]] = set()
    batch: list[SentFile] = []
    for file in files:
        context = (file.sop_class_uid, file.transfer_syntax_uid)
        if context not in contexts and len(contexts) == _MOST_CONTEXTS:
            yield batch
            contexts, batch = set(), []
        contexts.add(context)
        batch.append(file)
    if batch:
        yield batch


def _associate(batch: Sequence[SentFile], port: int, *, calling_ae: str, called_ae: str) -> Any:
    entity = AE(calling_ae)
    # One context for each transfer syntax, so that the acceptor cannot choose another one.
    for sop_class_uid, transfer_syntax_uid in sorted(
        {(f.sop_class_uid, f.transfer_syntax_uid) for f in batch}
    ):
        entity.add_requested_context(UID(sop_class_uid), UID(transfer_syntax_uid))
    return entity.associate("127.0.0.1", port, ae_title=called_ae)


def _store(association: Any, file: SentFile) -> int | str:
    if not association.is_established:
        return "no association"
    try:
        status = association.send_c_store(os.fspath(file.path))
    except (ValueError, AttributeError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    # pynetdicom's reactor thread would take the next answer from us if we sent before it went on.
    while association.is_established and association._is_paused:  # noqa: SLF001 - there is no public way
        time.sleep(0.0001)
    return int(status.Status) if "Status" in status else "no answer"


@contextlib.contextmanager
def _as_it_stands() -> Iterator[None]:
    """Make pynetdicom send the bytes of the file; by default it decodes and encodes them anew."""
    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before
