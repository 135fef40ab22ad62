"""From the wire to the spool and the queue: the path of every acknowledged object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from hilum_core.crash_points import reach
from hilum_core.dicom.acceptor import StoreRefused, StoreRequest
from hilum_core.log import get_logger
from hilum_core.queue import GroupCommit
from hilum_core.spool import Spool, SpoolFailed, SpoolFull, SpoolWriter

OUT_OF_RESOURCES = 0xA700
PROCESSING_FAILURE = 0x0110
_LONGEST_WAIT_S = 30.0
_log = get_logger("receive")


class SpoolReceiver:
    """Implements `ObjectReceiver`: durable in the spool first, then told to the queue, then answered."""

    def __init__(self, spool: Spool, commits: GroupCommit) -> None:
        self._spool = spool
        self._commits = commits

    def begin(self, request: StoreRequest) -> IncomingObject:
        """Start a file for an object.

        Raises
        ------
        StoreRefused
            A700H: the disk is too full, or the queue has been behind for too long.
        """
        if not self._commits.wait_for_room(_LONGEST_WAIT_S):
            raise StoreRefused(OUT_OF_RESOURCES, "the queue is behind")
        with _DISK_ERRORS_REFUSE:
            writer = self._spool.begin(
                sop_class_uid=request.sop_class_uid,
                sop_instance_uid=request.sop_instance_uid,
                transfer_syntax_uid=request.transfer_syntax_uid,
                association=request.association,
                received_at=datetime.now(UTC),
            )
        reach("receive.begun")
        return IncomingObject(writer, self._commits)


class IncomingObject:
    """Implements `ObjectWriter` over a file of the spool."""

    __slots__ = ("_commits", "_writer")

    def __init__(self, writer: SpoolWriter, commits: GroupCommit) -> None:
        self._writer = writer
        self._commits = commits

    def write(self, pieces: Sequence[memoryview]) -> None:
        """Write a stretch of the data set."""
        with _DISK_ERRORS_REFUSE:
            self._writer.write(pieces)
        reach("receive.written")

    def commit(self) -> None:
        """Make the object durable and tell the queue; when this returns it may be acknowledged."""
        with _DISK_ERRORS_REFUSE:
            stored = self._writer.commit()
        reach("receive.synced")
        self._commits.submit(stored)
        reach("receive.submitted")
        _log.debug(
            "an object is stored", object=stored.instance.id, data_bytes=stored.instance.data_set_bytes
        )

    def discard(self) -> None:
        """Forget an object that was not completed."""
        self._writer.discard()


class _DiskErrorsRefuse:
    """Answers a full disk with A700H and a failing one with 0110H (PS3.4 Table B.2-1)."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, SpoolFull):
            raise StoreRefused(OUT_OF_RESOURCES, "out of disk space") from error
        if isinstance(error, SpoolFailed):
            raise StoreRefused(PROCESSING_FAILURE, "the disk failed") from error


_DISK_ERRORS_REFUSE = _DiskErrorsRefuse()
