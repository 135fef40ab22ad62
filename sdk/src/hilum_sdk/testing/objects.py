"""DICOM files to test with, and the ways in which a component gets to see one."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from hilum_sdk.elements import (
    FileDraft,
    FileItem,
    FileMeta,
    read_file_meta,
    read_header,
    transfer_syntaxes_from,
)
from hilum_sdk.records import Association, Instance
from hilum_sdk.views import Item

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
TRANSFER_SYNTAXES = {
    "implicit": "1.2.840.10008.1.2",
    "explicit": "1.2.840.10008.1.2.1",
    "deflated": "1.2.840.10008.1.2.1.99",
    "big endian": "1.2.840.10008.1.2.2",
    "JPEG": "1.2.840.10008.1.2.4.50",
}
"""One of each kind of encoding; `make_object` makes any of them."""

PLANTED = ("Planted-Zyx", "PLANTED-4711", "19010203", "planted comment", "planted private")
"""Identifying values of every object that is made here. They must turn up in no error and no log."""

ASSOCIATION = Association(calling_ae="MODALITY", called_ae="HILUM", peer="modality", address="192.0.2.1")
_ROWS = 192  # with 16 bits each, pixels are above the size that is kept in memory


def make_object(
    folder: Path,
    *,
    seed: int = 0,
    transfer_syntax_uid: str = TRANSFER_SYNTAXES["explicit"],
    elements: Mapping[str, Any] | None = None,
    rows: int = _ROWS,
) -> Path:
    """Write a small CT-like object, the same for the same arguments, as a DICOM file.

    It has text beyond ASCII, nested sequences, private elements with a private sequence, pixels, and
    padding after them.

    Parameters
    ----------
    elements
        Values by keyword to set or, where None, to leave out.
    rows
        Of a square image of 16 bits; encapsulated as noise where the transfer syntax compresses.
    """
    data_set = _ct(random.Random(seed), transfer_syntax_uid, rows)  # noqa: S311 - for tests
    for keyword, value in (elements or {}).items():
        if value is None:
            if keyword in data_set:
                delattr(data_set, keyword)
        else:
            setattr(data_set, keyword, value)
    return write_object(folder, data_set, transfer_syntax_uid)


def write_object(folder: Path, data_set: Dataset, transfer_syntax_uid: str) -> Path:
    """Write a data set as a DICOM file, under its SOP Instance UID."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{data_set.SOPInstanceUID}-{transfer_syntax_uid}.dcm"
    file = Dataset(data_set)
    file.file_meta = meta
    file.save_as(path, enforce_file_format=True)
    return path


# ---- what components see of a file


def instance_from(path: Path, *, association: Association = ASSOCIATION) -> Instance:
    """Describe the object of a DICOM file as if it had just come in."""
    return _instance(path, *_span(path), association)


def _instance(path: Path, meta: FileMeta, length: int, association: Association) -> Instance:
    return Instance(
        id=_id_of(path),
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        data_set_bytes=length,
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
        association=association,
    )


def header_from(path: Path, *, needs: Collection[int] | None = None) -> Dataset:
    """Read what a filter gets to see of a DICOM file."""
    meta, _ = _span(path)
    with path.open("rb") as file:
        file.seek(meta.data_set_offset)
        return read_header(file, meta.transfer_syntax_uid, needs=needs)


def draft_from(path: Path, *, association: Association = ASSOCIATION) -> FileDraft:
    """Open what a transform gets to see of a DICOM file; close it, or use it in a ``with`` block."""
    meta, length = _span(path)
    return FileDraft.open(
        path,
        data_set_offset=meta.data_set_offset,
        data_set_length=length,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        instance=_instance(path, meta, length, association),
    )


def item_from(path: Path, *, deidentified: bool = False, attempt: int = 1) -> Item:
    """Make what a sink gets to see of a DICOM file."""
    meta, length = _span(path)
    item = FileItem(
        id=_id_of(path),
        attempt=attempt,
        path=path,
        data_set_offset=meta.data_set_offset,
        data_set_length=length,
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        transfer_syntaxes=transfer_syntaxes_from(meta.transfer_syntax_uid),
        deidentified=deidentified,
        origin=None if deidentified else instance_from(path),
        scratch_dir=path.parent,
    )
    return cast("Item", item)


def data_set_bytes(path: Path) -> bytes:
    """Read the encoded data set of a DICOM file."""
    meta, _ = _span(path)
    return path.read_bytes()[meta.data_set_offset :]


def _id_of(path: Path) -> str:
    return hashlib.sha256(bytes(path)).hexdigest()[:16]


def _span(path: Path) -> tuple[FileMeta, int]:
    with path.open("rb") as file:
        meta = read_file_meta(file)
    return meta, path.stat().st_size - meta.data_set_offset


# ---- what is in an object


def _ct(rng: random.Random, transfer_syntax_uid: str, rows: int) -> Dataset:
    study = rng.getrandbits(64)
    data_set = Dataset()
    data_set.SpecificCharacterSet = "ISO_IR 100"
    data_set.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    data_set.SOPClassUID = CT_IMAGE_STORAGE
    data_set.SOPInstanceUID = f"2.25.{rng.getrandbits(100)}"
    data_set.StudyDate = "20260101"
    data_set.Modality = "CT"
    data_set.InstitutionName = "Krankenhaus Süd"
    data_set.StationName = "ER-CT-1"
    data_set.StudyDescription = "Schädel nativ"
    data_set.ReferencedStudySequence = [_reference(rng)]
    data_set.PatientName = f"{PLANTED[0]}^Jürgen"
    data_set.PatientID = PLANTED[1]
    data_set.PatientBirthDate = PLANTED[2]
    data_set.PatientComments = PLANTED[3]
    data_set.SliceThickness = "1.250"
    data_set.StudyInstanceUID = f"2.25.{study}"
    data_set.SeriesInstanceUID = f"2.25.{study}.1"
    data_set.SeriesNumber = 3
    data_set.InstanceNumber = rng.randrange(1, 1000)
    data_set.RequestAttributesSequence = [_request(n) for n in (1, 2)]
    _add_private(data_set, rng)
    _add_pixels(data_set, rng, transfer_syntax_uid, rows)
    data_set.add_new(0xFFFCFFFC, "OB", bytes(16))
    return data_set


def _reference(rng: random.Random) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"
    item.ReferencedSOPInstanceUID = f"2.25.{rng.getrandbits(64)}"
    return item


def _request(number: int) -> Dataset:
    code = Dataset()
    code.CodeValue = f"CT-{number}"
    code.CodingSchemeDesignator = "99HILUM"
    code.CodeMeaning = "Schädel"
    item = Dataset()
    item.RequestedProcedureID = f"RP{number}"
    item.ScheduledProtocolCodeSequence = [code]
    return item


def _add_private(data_set: Dataset, rng: random.Random) -> None:
    block = data_set.private_block(0x0009, "HILUM TEST", create=True)
    block.add_new(0x01, "LO", PLANTED[4])
    block.add_new(0x02, "UN", rng.randbytes(31) + b"\0")
    nested = Dataset()
    nested.add_new(0x00090010, "LO", "HILUM TEST")
    nested.add_new(0x00091001, "LO", PLANTED[4])
    block.add_new(0x03, "SQ", [nested])


def _add_pixels(data_set: Dataset, rng: random.Random, transfer_syntax_uid: str, rows: int) -> None:
    data_set.SamplesPerPixel = 1
    data_set.PhotometricInterpretation = "MONOCHROME2"
    data_set.Rows = data_set.Columns = rows
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, 12, 11
    data_set.PixelRepresentation = 0
    pixels = rng.randbytes(rows * rows * 2)
    if UID(transfer_syntax_uid).is_encapsulated:
        data_set.PixelData = encapsulate([b"\xff\xd8" + pixels + b"\xff\xd9"])
        data_set["PixelData"].VR = "OB"
        data_set["PixelData"].is_undefined_length = True
    else:
        data_set.PixelData = pixels
        data_set["PixelData"].VR = "OW"
