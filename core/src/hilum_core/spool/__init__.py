"""Objects on disk as ordinary DICOM files, durable before they are acknowledged."""

from hilum_core.spool.errors import SpoolDamage, SpoolError, SpoolFailed, SpoolFull
from hilum_core.spool.file_format import data_set_span, open_data_set, read_record, verify
from hilum_core.spool.ids import ObjectIds, incarnation_of, is_object_id, received_at
from hilum_core.spool.records import StoredObject
from hilum_core.spool.space import BALLAST_BYTES, BALLAST_FILE, Ballast, DiskGuard
from hilum_core.spool.spool import Spool, open_spool, rendering_name
from hilum_core.spool.writer import SpoolWriter

__all__ = [
    "BALLAST_BYTES",
    "BALLAST_FILE",
    "Ballast",
    "DiskGuard",
    "ObjectIds",
    "Spool",
    "SpoolDamage",
    "SpoolError",
    "SpoolFailed",
    "SpoolFull",
    "SpoolWriter",
    "StoredObject",
    "data_set_span",
    "incarnation_of",
    "is_object_id",
    "open_data_set",
    "open_spool",
    "read_record",
    "received_at",
    "rendering_name",
    "verify",
]
