"""Data sets of the rare services, which pydicom reads and writes. Not for objects: they pass unread."""

from __future__ import annotations

import zlib
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import UID


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
    """Read a data set in a transfer syntax of uncompressed data."""
    syntax = UID(transfer_syntax_uid)
    if syntax.is_deflated:
        encoded = zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(encoded)
    return read_dataset(BytesIO(encoded), syntax.is_implicit_VR, syntax.is_little_endian)
