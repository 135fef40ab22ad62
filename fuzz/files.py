"""Files and data sets: what a disk may have changed, and what senders call DICOM."""

from __future__ import annotations

import functools
import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from fuzz.wire import DEFLATED, EXPLICIT, IMPLICIT, Finding
from hilum_core.clock import SystemClock
from hilum_core.spool.errors import SpoolDamage
from hilum_core.spool.file_format import data_set_span, read_record, verify
from hilum_core.spool.ids import ObjectIds
from hilum_sdk.elements import ElementsError, Limits, read_file_meta, read_header, reencode

BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
ENCAPSULATED: Final = "1.2.840.10008.1.2.4.50"
SYNTAXES: Final = (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED, ENCAPSULATED)
_LIMITS: Final = Limits(inflated_bytes=16 << 20)
_SOME: Final = (0x00080018, 0x00081140, 0x00100020)


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """A folder of this process, in memory where the system has such a place."""
    memory = Path("/dev/shm")  # noqa: S108 - a name of its own is made in it
    return tempfile.TemporaryDirectory(prefix="hilum-fuzz-", dir=memory if memory.is_dir() else None)


@functools.cache
def _path() -> Path:
    return Path(_folder().name) / f"{ObjectIds(1, SystemClock()).new()}.dcm"


def check_file(data: bytes) -> None:
    """A file of the spool is what was written, or damaged; any file is a DICOM file or none."""
    with suppress(ElementsError):
        meta = read_file_meta(io.BytesIO(data))
        if not 132 < meta.data_set_offset <= len(data):
            raise Finding("the data set begins where there is no file")
    path = _path()
    path.write_bytes(data)
    with suppress(SpoolDamage):
        offset, length = data_set_span(path)
        if offset + length != len(data):
            raise Finding("the data set is not what is left of the file")
        verified, read = verify(path), read_record(path)
        if verified != read or read.instance.data_set_bytes != length:
            raise Finding("a file is said to be sound, and is not what it says")


def check_header(chosen: bytes) -> None:
    """The first byte chooses a transfer syntax; what follows is read, in part and whole, or refused."""
    syntax, data = SYNTAXES[(chosen[0] if chosen else 0) % len(SYNTAXES)], chosen[1:]
    with suppress(ElementsError):
        read_header(io.BytesIO(data), syntax, needs=_SOME, limits=_LIMITS)
    with suppress(ElementsError):
        read_header(io.BytesIO(data), syntax, limits=_LIMITS)
    to = EXPLICIT if syntax != EXPLICIT else IMPLICIT
    out = io.BytesIO()
    with suppress(ElementsError):
        reencode(
            io.BytesIO(data),
            out,
            from_transfer_syntax_uid=syntax,
            to_transfer_syntax_uid=to,
            limits=_LIMITS,
        )
