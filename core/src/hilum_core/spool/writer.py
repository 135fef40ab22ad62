"""One object on its way to the disk: written as it arrives, sealed, synced once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

from zlib_ng.zlib_ng import crc32

from hilum_core.crash_points import reach
from hilum_core.filesystem import make_durable
from hilum_core.spool.errors import SpoolFull, spool_error
from hilum_core.spool.file_format import Header, seal
from hilum_core.spool.records import StoredObject
from hilum_core.spool.space import EXPECTED_BYTES, DiskGuard
from hilum_sdk import Association, Instance

_TELL_EVERY = 1 << 20


class DiskWatch(Protocol):
    """Who wants to know that the disk failed."""

    def disk_failed(self, error: OSError) -> None:
        """Take note of an error of the disk."""
        ...


class SpoolWriter:
    """Takes the data set of one object. Used by one thread; ends with `commit` or `discard`.

    After an error the file is gone: the rest of the message is to be read and dropped, and the error's
    status answered. Nothing is tried again on that file, because after a failed sync the kernel
    reports a second one as good though the pages are lost.
    """

    __slots__ = (
        "_association",
        "_bytes",
        "_checksum",
        "_descriptor",
        "_guard",
        "_header",
        "_object_id",
        "_path",
        "_received_at",
        "_sop_class_uid",
        "_sop_instance_uid",
        "_sync_name",
        "_told",
        "_transfer_syntax_uid",
        "_unwritten",
        "_watch",
    )

    def __init__(
        self,
        *,
        object_id: str,
        path: str,
        descriptor: int,
        header: Header,
        sop_class_uid: str,
        sop_instance_uid: str,
        transfer_syntax_uid: str,
        association: Association,
        received_at: datetime,
        guard: DiskGuard,
        watch: DiskWatch,
        sync_name: bool,
    ) -> None:
        self._object_id = object_id
        self._path = path
        self._descriptor = descriptor
        self._header = header
        self._unwritten: bytes | None = header.encoded
        self._sop_class_uid = sop_class_uid
        self._sop_instance_uid = sop_instance_uid
        self._transfer_syntax_uid = transfer_syntax_uid
        self._association = association
        self._received_at = received_at
        self._guard = guard
        self._watch = watch
        self._sync_name = sync_name
        self._checksum = 0
        self._bytes = 0
        self._told = 0
        guard.begun()

    def write(self, pieces: Sequence[memoryview]) -> None:
        """Write a stretch of the data set, in up to 1000 pieces (IOV_MAX) of any size; they are not kept.

        Raises
        ------
        SpoolFull, SpoolFailed
            The file is gone.
        """
        try:
            self._write(pieces)
        except OSError as error:
            raise self._failed(error, "writing") from error
        for piece in pieces:
            self._checksum = crc32(piece, self._checksum)
            self._bytes += len(piece)
        if self._bytes - self._told >= _TELL_EVERY:
            self._tell()

    def commit(self) -> StoredObject:
        """Seal the file and make it durable; when this returns, the object may be acknowledged.

        Raises
        ------
        SpoolFull, SpoolFailed
            The file is gone.
        """
        try:
            if self._unwritten is not None:
                self._write(())
            self._write_at(self._header.seal_offset, seal(self._bytes, self._checksum))
            reach("receive.sealed")
            os.fdatasync(self._descriptor)
            if self._sync_name:
                make_durable(Path(self._path).parent)
            self._close()
        except OSError as error:
            raise self._failed(error, "making an object durable") from error
        return StoredObject(
            instance=Instance(
                id=self._object_id,
                sop_class_uid=self._sop_class_uid,
                sop_instance_uid=self._sop_instance_uid,
                transfer_syntax_uid=self._transfer_syntax_uid,
                data_set_bytes=self._bytes,
                received_at=self._received_at,
                association=self._association,
            ),
            checksum=self._checksum,
        )

    def discard(self) -> None:
        """Remove the file of an object that will not be completed. Safe after an error, and twice."""
        if self._descriptor >= 0:
            self._remove()

    def _write(self, pieces: Sequence[memoryview]) -> None:
        """Write these pieces, with the header before the first of them."""
        if self._unwritten is not None:
            pieces = [memoryview(self._unwritten), *pieces]
            self._unwritten = None
        written = os.writev(self._descriptor, pieces)
        if written < sum(map(len, pieces)):
            self._write_rest(pieces, written)

    def _write_rest(self, pieces: Sequence[memoryview], written: int) -> None:
        """Go on where the disk took only a part: the next try says why."""
        for piece in pieces:
            rest = piece[written:]
            written = max(0, written - len(piece))
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]

    def _write_at(self, offset: int, data: bytes) -> None:
        while data:
            written = os.pwrite(self._descriptor, data, offset)
            offset, data = offset + written, data[written:]

    def _tell(self) -> None:
        """Tell the guard what was written, and stop where the disk has become too full meanwhile."""
        expected = max(0, min(self._bytes, EXPECTED_BYTES) - min(self._told, EXPECTED_BYTES))
        self._guard.wrote(self._bytes - self._told, expected)
        self._told = self._bytes
        if not self._guard.may_go_on():
            self.discard()
            raise SpoolFull("spool: the disk has become too full; make room or add a larger disk")

    def _failed(self, error: OSError, doing: str) -> Exception:
        self._watch.disk_failed(error)
        self._remove()
        return spool_error(error, doing)

    def _remove(self) -> None:
        # What cannot be removed has no row, and mostly no seal: reconcile finds it.
        with suppress(OSError):
            os.unlink(self._path)  # noqa: PTH108 - it is text, see `Layout.received_name`
        with suppress(OSError):
            self._close()

    def _close(self) -> None:
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        self._guard.wrote(self._bytes - self._told, EXPECTED_BYTES - min(self._told, EXPECTED_BYTES))
        os.close(descriptor)
