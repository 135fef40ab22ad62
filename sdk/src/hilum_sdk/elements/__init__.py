"""The one raw DICOM codec of the house.

It reads and changes encoded data sets without decoding what nobody asks for, keeps the bytes of
what is not changed, leaves large values on disk, and bounds what an object can cost.
"""

from hilum_sdk.elements.comparing import holds_same_object
from hilum_sdk.elements.draft import DRAFT_LIMITS, DraftState, FileDraft
from hilum_sdk.elements.edits import Edit
from hilum_sdk.elements.encoding import transfer_syntaxes_from
from hilum_sdk.elements.errors import ElementsError, LimitExceeded, MalformedDataSet
from hilum_sdk.elements.header import read_header
from hilum_sdk.elements.item import FileItem
from hilum_sdk.elements.limits import LARGEST_VALUE, LIMITS, Limits
from hilum_sdk.elements.looking import elements_of
from hilum_sdk.elements.original_attributes import Remembered, record_originals, remember
from hilum_sdk.elements.part10 import FileMeta, encode_file_meta, minimal_file_meta, read_file_meta
from hilum_sdk.elements.reencoding import reencode
from hilum_sdk.elements.segments import Segment, SegmentReader
from hilum_sdk.elements.signatures import drop_signatures
from hilum_sdk.elements.vr import dictionary_vr, pad

__all__ = [
    "DRAFT_LIMITS",
    "LARGEST_VALUE",
    "LIMITS",
    "DraftState",
    "Edit",
    "ElementsError",
    "FileDraft",
    "FileItem",
    "FileMeta",
    "LimitExceeded",
    "Limits",
    "MalformedDataSet",
    "Remembered",
    "Segment",
    "SegmentReader",
    "dictionary_vr",
    "drop_signatures",
    "elements_of",
    "encode_file_meta",
    "holds_same_object",
    "minimal_file_meta",
    "pad",
    "read_file_meta",
    "read_header",
    "record_originals",
    "reencode",
    "remember",
    "transfer_syntaxes_from",
]
