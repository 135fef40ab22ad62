"""The objects that are sent: made from a seed, so that every run on every machine sends the same."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

TRANSFER_SYNTAX_UID = str(ExplicitVRLittleEndian)
_UID_ROOT = "2.25."
_UID_DIGITS = 38
_OWN_STUDY = _UID_ROOT + "2" * _UID_DIGITS
_OWN_PATIENT = "PATIENT-OF-ITS-OWN"
_NOISE_BLOCKS = 8
_LARGEST_BLOCK_BYTES = 1 << 20


@attrs.frozen(kw_only=True)
class Kind:
    """A kind of object: 16 bits a pixel."""

    name: str
    words: str
    sop_class_uid: str
    rows: int
    columns: int

    @property
    def pixel_bytes(self) -> int:
        """The length of the Pixel Data."""
        return self.rows * self.columns * 2


_CAPTURE = str(SecondaryCaptureImageStorage)
CT = Kind(name="CT", words="CT, 512 KiB", sop_class_uid=str(CTImageStorage), rows=512, columns=512)
SMALL = Kind(name="small", words="small, 9 KB", sop_class_uid=_CAPTURE, rows=64, columns=64)
KINDS = (CT, SMALL)
_LARGE_COLUMNS = 16384


def large(mib: int) -> Kind:
    """One object of this size."""
    rows = mib * (1 << 20) // (2 * _LARGE_COLUMNS)
    words = f"one object of {mib:,} MiB"
    return Kind(name="large", words=words, sop_class_uid=_CAPTURE, rows=rows, columns=_LARGE_COLUMNS)


@attrs.frozen(kw_only=True)
class BenchObject:
    """One object in explicit VR little endian.

    ``head`` is all that stands before the pixels' values; these are ``noise``, again and again.
    """

    kind: Kind
    sop_instance_uid: str
    head: bytes
    noise: bytes

    @property
    def size_bytes(self) -> int:
        """The size of the data set."""
        return len(self.head) + self.kind.pixel_bytes

    def data_set(self) -> Iterator[bytes]:
        """The bytes of the data set, piece by piece."""
        yield self.head
        for _ in range(self.kind.pixel_bytes // len(self.noise)):
            yield self.noise

    def checksum(self) -> int:
        """The CRC-32 of the data set."""
        checksum = 0
        for piece in self.data_set():
            checksum = zlib.crc32(piece, checksum)
        return checksum

    def with_values(self, values: Mapping[str, str]) -> BenchObject:
        """The same with other values of elements of the header, each as long as the one before."""
        head = self.head
        for keyword, value in values.items():
            old = _encode_element(keyword, str(_header(self.kind, "")[keyword].value))
            new = _encode_element(keyword, value)
            assert len(new) == len(old)
            assert head.count(old) == 1
            head = head.replace(old, new)
        return attrs.evolve(self, head=head)

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
        path.write_bytes(bytes(128) + b"DICM" + encoded.getvalue() + b"".join(self.data_set()))
        return path


class ObjectSource:
    """Makes objects of one kind: each with a UID of its own, pixels from a few blocks of noise.

    All are of one study and patient, or each is of a study, series and patient of its own.
    """

    def __init__(self, kind: Kind, seed: int = 1, *, own_studies: bool = False) -> None:
        self.kind = kind
        self._own_studies = own_studies
        self._random = random.Random(f"{kind.name} {seed}")
        block_bytes = min(kind.pixel_bytes, _LARGEST_BLOCK_BYTES)
        self._noise = [self._random.randbytes(block_bytes) for _ in range(_NOISE_BLOCKS)]
        self._placeholder = _UID_ROOT + "1" * _UID_DIGITS
        header = _header(kind, self._placeholder)
        if own_studies:
            header.StudyInstanceUID = _OWN_STUDY
            header.SeriesInstanceUID = f"{_OWN_STUDY}.1"
            header.PatientID = _OWN_PATIENT
        self._template = _encode_head(header, kind)

    def make(self, count: int) -> list[BenchObject]:
        """Make the next objects."""
        return list(self._next(count))

    def _next(self, count: int) -> Iterator[BenchObject]:
        low, high = 10 ** (_UID_DIGITS - 1), 10**_UID_DIGITS - 1
        for index in range(count):
            uid = f"{_UID_ROOT}{self._random.randint(low, high)}"
            head = self._template.replace(self._placeholder.encode(), uid.encode())
            if self._own_studies:
                digits = str(self._random.randint(low, high))
                head = head.replace(_OWN_STUDY.encode(), (_UID_ROOT + digits).encode())
                head = head.replace(_OWN_PATIENT.encode(), digits[: len(_OWN_PATIENT)].encode())
            yield BenchObject(
                kind=self.kind, sop_instance_uid=uid, head=head, noise=self._noise[index % _NOISE_BLOCKS]
            )


def _encode_element(keyword: str, value: str) -> bytes:
    element = Dataset()
    setattr(element, keyword, value)
    return _encode(element)


def _encode(data_set: Dataset) -> bytes:
    encoded = DicomBytesIO()
    encoded.is_little_endian, encoded.is_implicit_VR = True, False
    write_dataset(encoded, data_set)
    return encoded.getvalue()


def _encode_head(header: Dataset, kind: Kind) -> bytes:
    # PS3.5 7.1.2: Pixel Data as OW with a length of 32 bits; its values follow.
    return _encode(header) + b"\xe0\x7f\x10\x00OW\0\0" + kind.pixel_bytes.to_bytes(4, "little")


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
    header.Rows, header.Columns = kind.rows, kind.columns
    header.PixelSpacing = ["0.9765625", "0.9765625"]
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = 0
    header.WindowCenter, header.WindowWidth = "40", "400"
    header.RescaleIntercept, header.RescaleSlope = "-1024", "1"
    return header
