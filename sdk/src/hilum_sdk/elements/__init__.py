"""The one raw DICOM codec of the house.

It reads and changes encoded data sets without decoding what nobody asks for, keeps the bytes of
what is not changed, leaves large values on disk, and bounds what an object can cost.
"""

from hilum_sdk.elements.encoding import transfer_syntaxes_from
from hilum_sdk.elements.errors import ElementsError, LimitExceeded, MalformedDataSet
from hilum_sdk.elements.header import read_header
from hilum_sdk.elements.limits import LARGEST_VALUE, LIMITS, Limits
from hilum_sdk.elements.part10 import FileMeta, encode_file_meta, minimal_file_meta, read_file_meta

__all__ = [
    "LARGEST_VALUE",
    "LIMITS",
    "ElementsError",
    "FileMeta",
    "LimitExceeded",
    "Limits",
    "MalformedDataSet",
    "encode_file_meta",
    "minimal_file_meta",
    "read_file_meta",
    "read_header",
    "transfer_syntaxes_from",
]
