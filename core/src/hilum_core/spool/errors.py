"""What can go wrong with a file of the spool, and what the sender of the object is to be told."""

from __future__ import annotations

import errno

from hilum_sdk import HilumError

OUT_OF_RESOURCES = 0xA700
PROCESSING_FAILURE = 0x0110
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
"""The disk is sound, and full, for all or for our user."""

NONE_LEFT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""The process or the system has no file descriptor, or memory, left: the disk has no part in it."""


class SpoolError(HilumError):
    """An object could not be stored; its file is gone. ``status`` is the answer to its C-STORE."""


class SpoolFull(SpoolError):  # noqa: N818 - it names a state of the world
    """Room or file descriptors ran out: A700H (PS3.4 Table B.2-1). The sender may try again later."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=OUT_OF_RESOURCES)


class SpoolFailed(SpoolError):  # noqa: N818 - as above
    """The disk failed: processing failure, 0110H (PS3.7 C.5.14)."""

    def __init__(self, message: str) -> None:
        super().__init__(message, status=PROCESSING_FAILURE)


class SpoolDamage(HilumError):  # noqa: N818 - as above
    """A file is gone, incomplete, or not what was written. Nothing repairs it: a person must look."""


def spool_error(error: OSError, doing: str) -> SpoolError:
    """The error to raise for one of the disk, while `doing` something."""
    code = errno.errorcode.get(error.errno or 0, "unknown")
    if error.errno in NONE_LEFT:
        return SpoolFull(f"spool: none left of what a process may have ({doing}: {code}); raise its limit")
    if error.errno in NO_ROOM:
        return SpoolFull(f"spool: no room on the disk ({doing}: {code}); make room or add a larger disk")
    return SpoolFailed(f"spool: the disk failed ({doing}: {code}); look at it before it loses anything")
