"""The objects that are sent: made from a seed, so that every run on every machine sends the same."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import attrs
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

TRANSFER_SYNTAX_UID = str(ExplicitVRLittleEndian)
_UID_ROOT = "2.25."
_UID_DIGITS = 38
_PIXEL_BLOCKS = 8


@attrs.frozen(kw_only=True)
class Kind:
    """A kind of object: square, 16 bits a pixel."""

    name: str
    words: str
    sop_class_uid: str
    side: int


CT = Kind(name="CT", words="CT, 512 KiB", sop_class_uid=str(CTImageStorage), side=512)
SMALL = Kind(name="small", words="small, 9 KB", sop_class_uid=str(SecondaryCaptureImageStorage), side=64)
KINDS = (CT, SMALL)


@attrs.frozen(kw_only=True)
class BenchObject:
    """One object in explicit VR little endian; ``head`` is all that stands before the pixels' values."""

    kind: Kind
    sop_instance_uid: str
    head: bytes
    pixels: bytes

    @property
    def size_bytes(self) -> int:
        """The size of the data set."""
        return len(self.head) + len(self.pixels)

    def checksum(self) -> int:
        """The CRC-32 of the data set."""
        return zlib.crc32(self.pixels, zlib.crc32(self.head))

    def write(self, folder: Path) -> Path:
        """Write it as a DICOM file (PS3.10 7.1)."""
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = UID(self.kind.sop_class_uid)
        meta.MediaStorageSOPInstanceUID = UID(self.sop_instance_uid)
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.ImplementationClassUID = UID(_UID_ROOT + "1")
        encoded = DicomBytesIO()
        encoded.is_little_endian, encoded.is_implicit_VR = True, False
        write_file_meta_info(encoded, meta)
        path = folder / f"{self.sop_instance_uid}.dcm"
        path.write_bytes(bytes(128) + b"DICM" + encoded.getvalue() + self.head + self.pixels)
        return path


class ObjectSource:
    """Makes objects of one kind: each with a UID of its own, pixels from a few blocks of noise."""

    def __init__(self, kind: Kind, seed: int = 1) -> None:
        self.kind = kind
        self._random = random.Random(f"{kind.name} {seed}")
        self._blocks = [self._random.randbytes(kind.side * kind.side * 2) for _ in range(_PIXEL_BLOCKS)]
        self._placeholder = _UID_ROOT + "1" * _UID_DIGITS
        self._template = _encode_head(kind, self._placeholder)

    def make(self, count: int) -> list[BenchObject]:
        """Make the next objects."""
        return list(self._next(count))

    def _next(self, count: int) -> Iterator[BenchObject]:
        low, high = 10 ** (_UID_DIGITS - 1), 10**_UID_DIGITS - 1
        for index in range(count):
            uid = f"{_UID_ROOT}{self._random.randint(low, high)}"
            yield BenchObject(
                kind=self.kind,
                sop_instance_uid=uid,
                head=self._template.replace(self._placeholder.encode(), uid.encode()),
                pixels=self._blocks[index % _PIXEL_BLOCKS],
            )


def _encode_head(kind: Kind, sop_instance_uid: str) -> bytes:
    encoded = DicomBytesIO()
    encoded.is_little_endian, encoded.is_implicit_VR = True, False
    write_dataset(encoded, _header(kind, sop_instance_uid))
    pixel_bytes = kind.side * kind.side * 2
    # PS3.5 7.1.2: Pixel Data as OW with a length of 32 bits; its values follow.
    return encoded.getvalue() + b"\xe0\x7f\x10\x00OW\0\0" + pixel_bytes.to_bytes(4, "little")


def _header(kind: Kind, sop_instance_uid: str) -> Dataset:
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    header.SOPClassUID = kind.sop_class_uid
    header.SOPInstanceUID = sop_instance_uid
    header.StudyDate = header.SeriesDate = header.AcquisitionDate = "20260105"
    header.StudyTime = header.SeriesTime = header.AcquisitionTime = "081500"
    header.AccessionNumber = "BENCH1"
    header.Modality = "CT" if kind is CT else "OT"
    header.Manufacturer = "Hilum bench"
    header.InstitutionName = "Bench"
    header.StationName = "BENCH"
    header.StudyDescription = "Objects made from a seed"
    header.SeriesDescription = kind.words
    header.PatientName = "Bench^Made^From^A^Seed"
    header.PatientID = "BENCH"
    header.PatientBirthDate = "19700101"
    header.PatientSex = "O"
    header.SliceThickness = "1.25"
    header.KVP = "120"
    header.SpacingBetweenSlices = "1.25"
    header.ExposureTime = "500"
    header.XRayTubeCurrent = "300"
    header.ConvolutionKernel = "STANDARD"
    header.PatientPosition = "HFS"
    header.StudyInstanceUID = _UID_ROOT + "2"
    header.SeriesInstanceUID = _UID_ROOT + "3"
    header.StudyID = "1"
    header.SeriesNumber = "1"
    header.AcquisitionNumber = "1"
    header.InstanceNumber = "1"
    header.ImagePositionPatient = ["-250", "-250", "0"]
    header.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    header.FrameOfReferenceUID = _UID_ROOT + "4"
    header.SliceLocation = "0"
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Rows = header.Columns = kind.side
    header.PixelSpacing = ["0.9765625", "0.9765625"]
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = 0
    header.WindowCenter, header.WindowWidth = "40", "400"
    header.RescaleIntercept, header.RescaleSlope = "-1024", "1"
    return header
