"""Data sets of the rare services, which pydicom reads and writes. Not for objects: they pass unread."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID

from hilum_core.dicom.pdu import SERVICE_USER, ProtocolError
from hilum_sdk.elements import ElementsError, Limits, read_header

_LIMITS: Final = Limits(bytes_read=16 << 20, inflated_bytes=16 << 20)
"""As many bytes as an answer may have, once more for what deflate makes of a few."""


def encode_data_set(dataset: Dataset, transfer_syntax_uid: str) -> bytes:
    """Encode a data set in a transfer syntax of uncompressed data."""
    syntax = UID(transfer_syntax_uid)
    buffer = DicomBytesIO()
    buffer.is_implicit_VR = syntax.is_implicit_VR
    buffer.is_little_endian = syntax.is_little_endian
    write_dataset(buffer, dataset)
    encoded = buffer.getvalue()
    if not syntax.is_deflated:
        return encoded
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)  # PS3.5 A.5: RFC 1951, no header
    deflated = deflater.compress(encoded) + deflater.flush()
    return deflated + b"\0" * (len(deflated) % 2)


def decode_data_set(encoded: bytes, transfer_syntax_uid: str) -> Dataset:
    """Read a data set in a transfer syntax of uncompressed data. Its elements are decoded when asked for.

    Raises
    ------
    ProtocolError
        The peer sent what is no data set, or one that takes more than it may to read.
    """
    try:
        return read_header(
            BytesIO(encoded), transfer_syntax_uid, limits=_LIMITS, largest_value=_LIMITS.inflated_bytes
        )
    except ElementsError as error:
        raise ProtocolError(f"sent a data set that cannot be read: {error}", source=SERVICE_USER) from error
