"""The file of one object: an ordinary DICOM file (PS3.10 7.1) that says in its header how it came here.

AE titles and addresses stand in the elements that the standard has for them; what it has none for, with
length and checksum of the data set, in Private Information (0002,0102), as JSON. Length and checksum are
blank until the object is complete: a file with blanks, or with another length or checksum than it says,
was not completed by us or has been damaged since.
"""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from struct import Struct
from typing import Any

import attrs
from zlib_ng.zlib_ng import crc32

from hilum_core.spool.errors import SpoolDamage
from hilum_core.spool.ids import is_object_id
from hilum_core.spool.records import StoredObject

# The codec is imported where it is used: it loads pydicom, and coordinators, which only look for files
# and move them, have no use for that.
from hilum_sdk import Association, Instance

SUFFIX = ".dcm"
PRIVATE_CREATOR_UID = "2.25.45109164688049635987925779263863857191"
"""Names the private information of this format (0002,0100)."""

_SOURCE_AE, _SENDING_AE, _RECEIVING_AE = 0x00020016, 0x00020017, 0x00020018
_SOURCE_ADDRESS, _SENDING_ADDRESS = 0x00020026, 0x00020027
_PRIVATE_CREATOR, _PRIVATE_INFORMATION = 0x00020100, 0x00020102

_FORMAT = 1
_SEAL = "{:016d}.{:08x}"  # length and CRC-32: of fixed width, so that it can be patched in
_BLANK_SEAL = "-" * len(_SEAL.format(0, 0))
_BLANK_TIME = "-" * len("2026-01-31T23:59:59.000000+00:00")
_PREFIX_BYTES = 132  # preamble and "DICM"
_GROUP_LENGTH = Struct("<4s2sHL")  # (0002,0000) UL
_LONGEST_HEADER = 1 << 20  # what we write has a few hundred bytes; no damaged length makes us read more
_CHUNK = 1 << 20
_UNREADABLE = frozenset({errno.ENOENT, errno.EIO, errno.EBADMSG, errno.EUCLEAN})


@attrs.frozen
class Header:
    """What a file begins with, and where its seal goes."""

    encoded: bytes
    seal_offset: int


def header(
    *,
    sop_class_uid: str,
    sop_instance_uid: str,
    transfer_syntax_uid: str,
    association: Association,
    received_at: datetime,
) -> Header:
    """Encode the File Meta Information of an object that is about to be written."""
    uid = sop_instance_uid.encode()
    form = _form(sop_class_uid, len(uid), transfer_syntax_uid, association)
    at = received_at.isoformat(timespec="microseconds").encode()
    return Header(b"".join((form.before_uid, uid, form.before_time, at, form.rest)), form.seal_offset)


@attrs.frozen
class _Form:
    """A header without the two things that differ from object to object of an association."""

    before_uid: bytes
    before_time: bytes
    rest: bytes
    seal_offset: int


@lru_cache(maxsize=32)
def _form(sop_class_uid: str, uid_bytes: int, transfer_syntax_uid: str, association: Association) -> _Form:
    from hilum_sdk.elements.part10 import (  # noqa: PLC0415 - see above
        IMPLEMENTATION_CLASS_UID,
        IMPLEMENTATION_VERSION_NAME,
        encode_file_meta,
    )

    about = {
        "seal": _BLANK_SEAL,
        "format": _FORMAT,
        "received_at": _BLANK_TIME,
        "peer": association.peer,
        "address": association.address,
        "tls_subject": association.tls_subject,
        "user": association.user,
    }
    calling_ae = association.calling_ae.encode()
    address = _address_uri(association.address)
    addresses = ((_SOURCE_ADDRESS, "UR", address), (_SENDING_ADDRESS, "UR", address)) if address else ()
    encoded = encode_file_meta(
        (
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", sop_class_uid.encode()),
            (0x00020003, "UI", bytes(uid_bytes)),
            (0x00020010, "UI", transfer_syntax_uid.encode()),
            (0x00020012, "UI", IMPLEMENTATION_CLASS_UID.encode()),
            (0x00020013, "SH", IMPLEMENTATION_VERSION_NAME.encode()),
            (_SOURCE_AE, "AE", calling_ae),
            (_SENDING_AE, "AE", calling_ae),
            (_RECEIVING_AE, "AE", association.called_ae.encode()),
            *addresses,
            (_PRIVATE_CREATOR, "UI", PRIVATE_CREATOR_UID.encode()),
            (_PRIVATE_INFORMATION, "OB", json.dumps(about, separators=(",", ":")).encode()),
        )
    )
    # A UID's text has no NUL, so nothing before the element looks like it.
    uid_at = encoded.index(b"\2\0\3\0UI", _PREFIX_BYTES) + 8
    # The last of each: what a peer calls itself, before them, may look like anything.
    seal_at = encoded.rindex(f'{{"seal":"{_BLANK_SEAL}"'.encode()) + len('{"seal":"')
    time_at = encoded.index(_BLANK_TIME.encode(), seal_at)
    return _Form(
        before_uid=encoded[:uid_at],
        before_time=encoded[uid_at + uid_bytes : time_at],
        rest=encoded[time_at + len(_BLANK_TIME) :],
        seal_offset=seal_at,
    )


def seal(data_set_bytes: int, checksum: int) -> bytes:
    """What stands in the place of the blanks when the object is complete."""
    return _SEAL.format(data_set_bytes, checksum).encode()


def data_set_span(path: Path) -> tuple[int, int]:
    """Where the data set begins in a DICOM file that we wrote, and how many bytes it has. Cheap.

    Raises
    ------
    SpoolDamage
        The file is gone, or it does not begin as a DICOM file does.
    """
    with _open(path) as file:
        return _span(file, path)


def open_data_set(path: Path) -> io.FileIO:
    """Open a DICOM file that we wrote, at the beginning of its data set. The caller closes it.

    Raises
    ------
    SpoolDamage
        As of `data_set_span`.
    """
    file = _open(path)
    try:
        _span(file, path)
    except BaseException:
        file.close()
        raise
    return file


def read_record(path: Path) -> StoredObject:
    """Read what a file of the spool says of its object. The data set is not read.

    Raises
    ------
    SpoolDamage
        The file is gone, was not completed, or is longer or shorter than it says.
    """
    with _open(path) as file:
        return _record(file, path)


def verify(path: Path, *, alive: Callable[[], None] = lambda: None) -> StoredObject:
    """Read a whole file of the spool and see that it is what was written.

    ``alive`` is called for each stretch read: a large file takes long.

    Raises
    ------
    SpoolDamage
        As of `read_record`, or the checksum differs.
    """
    with _open(path) as file:
        stored = _record(file, path)
        checksum = 0
        try:
            while chunk := file.read(_CHUNK):
                checksum = crc32(chunk, checksum)
                alive()
        except OSError as error:
            raise _unreadable(error, path) from error
    if checksum != stored.checksum:
        raise SpoolDamage(
            f"{path.name}: the data set's checksum is {checksum:08x}, not {stored.checksum:08x} as when it "
            f"was received; ask the sender for it again, and look at the disk"
        )
    return stored


def _open(path: Path) -> io.FileIO:
    try:
        return io.FileIO(path)
    except OSError as error:
        raise _unreadable(error, path) from error


def _unreadable(error: OSError, path: Path) -> Exception:
    if error.errno not in _UNREADABLE:
        return error
    if error.errno == errno.ENOENT:
        return SpoolDamage(f"{path.name}: the file is gone; ask the sender for the object again")
    return SpoolDamage(
        f"{path.name}: the disk cannot read the file ({errno.errorcode[error.errno]}); look at the disk"
    )


def _span(file: io.FileIO, path: Path) -> tuple[int, int]:
    """Also leaves the file at the beginning of its data set."""
    try:
        start = file.read(_PREFIX_BYTES + _GROUP_LENGTH.size) or b""
        size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise _unreadable(error, path) from error
    if start[128:_PREFIX_BYTES] == b"DICM" and len(start) == _PREFIX_BYTES + _GROUP_LENGTH.size:
        tag, vr, _, length = _GROUP_LENGTH.unpack_from(start, _PREFIX_BYTES)
        offset = len(start) + length
        if tag == b"\2\0\0\0" and vr == b"UL" and offset <= min(size, _LONGEST_HEADER):
            return file.seek(offset), size - offset
    raise SpoolDamage(f"{path.name}: does not begin as our files do: incomplete, or changed")


def _record(file: io.FileIO, path: Path) -> StoredObject:
    from hilum_sdk.elements import ElementsError, read_file_meta  # noqa: PLC0415 - see above

    offset, length = _span(file, path)
    object_id = path.name.removesuffix(SUFFIX)
    if not is_object_id(object_id):
        raise SpoolDamage(f"{path.name}: not the name of a file of the spool")
    try:
        # The data set is kept out of the codec's sight: it may begin with elements of group 0002, too.
        encoded = os.pread(file.fileno(), offset, 0)
        meta = read_file_meta(io.BytesIO(encoded))
        about = _About.of(json.loads(meta.elements[_PRIVATE_INFORMATION].rstrip(b"\0")))
        size_text, _, checksum_text = about.seal.partition(".")
        stored = StoredObject(
            instance=Instance(
                id=object_id,
                sop_class_uid=meta.sop_class_uid,
                sop_instance_uid=meta.sop_instance_uid,
                transfer_syntax_uid=meta.transfer_syntax_uid,
                data_set_bytes=int(size_text),
                received_at=about.received_at,
                association=_association(meta.elements, about),
            ),
            checksum=int(checksum_text, 16),
        )
    except (ElementsError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise SpoolDamage(f"{path.name}: its header is incomplete or changed") from error
    if length != stored.instance.data_set_bytes:
        raise SpoolDamage(
            f"{path.name}: the data set has {length} bytes and not {stored.instance.data_set_bytes} as when "
            f"it was received; ask the sender for it again, and look at the disk"
        )
    return stored


def _association(elements: Mapping[int, bytes], about: _About) -> Association:
    return Association(
        calling_ae=elements[_SOURCE_AE].decode().strip(),
        called_ae=elements[_RECEIVING_AE].decode().strip(),
        peer=about.peer,
        address=about.address,
        tls_subject=about.tls_subject,
        user=about.user,
    )


def _is_text(_: object, __: attrs.Attribute[str], value: object) -> None:
    if not isinstance(value, str):
        raise TypeError("not text")
    value.encode()  # JSON can escape what no queue can store: half of a surrogate pair


def _to_aware_time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("a time without a zone")
    return at


@attrs.frozen(kw_only=True)
class _About:
    """What the private information says, checked: a disk may have changed it, or a person."""

    seal: str = attrs.field(validator=_is_text)
    received_at: datetime = attrs.field(converter=_to_aware_time)
    peer: str | None = attrs.field(validator=attrs.validators.optional(_is_text))
    address: str = attrs.field(validator=_is_text)
    tls_subject: str | None = attrs.field(validator=attrs.validators.optional(_is_text))
    user: str | None = attrs.field(validator=attrs.validators.optional(_is_text))

    @classmethod
    def of(cls, told: Any) -> _About:
        """Of the JSON. Raises `TypeError`, `ValueError` or `KeyError` where it is not what we write."""
        return cls(**{field.name: told[field.name] for field in attrs.fields(cls)})


def _address_uri(address: str) -> bytes:
    """A presentation address of DIMSE as a URI; the port that a caller came from means nothing."""
    if not address:
        return b""
    return (f"dicom://[{address}]" if ":" in address else f"dicom://{address}").encode()
