"""Planting identifiers in an object, wherever PS3.15 says that one may stand, and finding them again.

Each planted value is unique in all objects, so that one that is found tells where it stood. Values are
planted by pydicom, which shares no code with Hilum.
"""

from __future__ import annotations

import io
import random
import warnings
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import attrs
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_fragments
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from bench.deidentify.table import Row, rows

PLACES = (
    "top",
    "nested",
    "nested deep",
    "existing sequence",
    "private",
    "private sequence",
    "UN",
    "structured report",
    "graphics",
    "overlay",
    "curve",
    "icon",
    "after the pixels",
    "JPEG comment",
    "file meta",
    "preamble",
)
_AT_TOP = 60
_BELOW = 12
_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.70"}
_KEPT_SEQUENCE = 0x00082218  # Anatomic Region Sequence: no profile removes it
_PIXELS = 0x7FE00010
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, _PIXELS)
_SHORT = 1024  # in so few bytes nothing comes about by chance


@attrs.frozen
class Plant:
    """One planted value: where it stands, and the bytes that must be gone."""

    place: str
    tag: int
    token: bytes


class Gardener:
    """Plants in objects; the same seed gives the same values."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._count = 0

    def plant(self, source: Path) -> tuple[bytes, list[Plant]]:
        """Return the bytes of a file with planted values, and what was planted."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            data_set = pydicom.dcmread(source)
            for _ in data_set.iterall():
                pass  # so that all is decoded before anything changes
            with _taken_for_un():
                plants = [*self._all(data_set)]
            out = io.BytesIO()
            data_set.save_as(out, enforce_file_format=True)
        return out.getvalue(), plants

    def _all(self, data_set: Dataset) -> Iterator[Plant]:
        little = data_set.original_encoding[1] is not False
        explicit = data_set.original_encoding[0] is False
        yield from self._rows(data_set, "top", self._some(_AT_TOP))
        existing = next((e.value[0] for e in data_set if e.VR == "SQ" and e.value), None)
        if existing is not None:
            yield from self._rows(existing, "existing sequence", self._some(_BELOW))
        yield from self._nested(data_set)
        yield from self._private(data_set)
        if explicit and little:
            yield from self._hidden(data_set)
        yield from self._report(data_set)
        yield from self._graphics(data_set)
        yield from self._repeating(data_set)
        yield from self._icon(data_set)
        yield from self._behind(data_set)
        if data_set.file_meta.TransferSyntaxUID in _JPEG:
            yield from self._comment(data_set)
        yield from self._around(data_set)

    def _some(self, count: int) -> Sequence[Row]:
        return self._random.sample(_PLANTABLE, count)

    def _rows(self, data_set: Dataset, place: str, some: Sequence[Row]) -> Iterator[Plant]:
        for row in some:
            if row.tag in _PIXEL_TAGS:
                continue
            value, token = self._value(row.vr)
            data_set.add(DataElement(row.tag, row.vr, value))
            yield Plant(place, row.tag, token)

    def _nested(self, data_set: Dataset) -> Iterator[Plant]:
        deepest = Dataset()
        yield from self._rows(deepest, "nested deep", self._some(_BELOW))
        middle = Dataset()
        middle.add(DataElement(_KEPT_SEQUENCE, "SQ", [deepest]))
        item = Dataset()
        yield from self._rows(item, "nested", self._some(_BELOW))
        item.add(DataElement(_KEPT_SEQUENCE, "SQ", [middle]))
        data_set.add(DataElement(_KEPT_SEQUENCE, "SQ", [item]))

    def _private(self, data_set: Dataset) -> Iterator[Plant]:
        block = data_set.private_block(0x0099, "HILUM PLANTS", create=True)
        for number, vr in enumerate(("LO", "PN", "UI", "DA", "OB")):
            value, token = self._value(vr)
            block.add_new(number, vr, value)
            yield Plant("private", 0x00991000 + number, token)
        item = Dataset()
        yield from self._rows(item, "private sequence", self._some(_BELOW))
        block.add_new(0x10, "SQ", [item])

    def _hidden(self, data_set: Dataset) -> Iterator[Plant]:
        """Put a sequence of the dictionary into an element of VR UN (PS3.5 6.2.2, note 2)."""
        item = Dataset()
        yield from self._rows(item, "UN", self._some(_BELOW))
        holder = Dataset()
        holder.add(DataElement(0x00540016, "SQ", [item]))  # Radiopharmaceutical Information Sequence
        out = DicomBytesIO()
        out.is_implicit_VR, out.is_little_endian = True, True
        write_dataset(out, holder)
        encoded = out.getvalue()[8:]  # without tag and length
        data_set.add(DataElement(0x00540016, "UN", encoded))

    def _report(self, data_set: Dataset) -> Iterator[Plant]:
        if "ContentSequence" not in data_set:
            return
        for vr, keyword, kind in (
            ("PN", "PersonName", "PNAME"),
            ("UT", "TextValue", "TEXT"),
            ("UI", "UID", "UIDREF"),
            ("DA", "Date", "DATE"),
        ):
            value, token = self._value(vr)
            item = Dataset()
            item.RelationshipType = "CONTAINS"
            item.ValueType = kind
            name = Dataset()
            name.CodeValue, name.CodingSchemeDesignator, name.CodeMeaning = "121106", "DCM", "Comment"
            item.ConceptNameCodeSequence = [name]
            setattr(item, keyword, value)
            data_set.ContentSequence.append(item)
            yield Plant("structured report", item[keyword].tag, token)

    def _graphics(self, data_set: Dataset) -> Iterator[Plant]:
        value, token = self._value("ST")
        text = Dataset()
        text.UnformattedTextValue = value
        graphic = Dataset()
        graphic.GraphicLayer = "LAYER1"
        graphic.TextObjectSequence = [text]
        data_set.GraphicAnnotationSequence = [graphic]
        yield Plant("graphics", 0x00700006, token)

    def _repeating(self, data_set: Dataset) -> Iterator[Plant]:
        for place, tag, vr in (
            ("overlay", 0x60000022, "LO"),
            ("overlay", 0x60001500, "LO"),
            ("overlay", 0x60004000, "LT"),
            ("overlay", 0x60023000, "OB"),
            ("curve", 0x50000022, "LO"),
            ("curve", 0x50003000, "OB"),
        ):
            value, token = self._value(vr)
            data_set.add(DataElement(tag, vr, value))
            yield Plant(place, tag, token)

    def _icon(self, data_set: Dataset) -> Iterator[Plant]:
        value, token = self._value("OB")
        icon = Dataset()
        icon.SamplesPerPixel, icon.PhotometricInterpretation = 1, "MONOCHROME2"
        icon.Rows, icon.Columns = 4, 4
        icon.BitsAllocated = icon.BitsStored = 8
        icon.HighBit, icon.PixelRepresentation = 7, 0
        icon.add(DataElement(0x7FE00010, "OB", value))
        data_set.IconImageSequence = [icon]
        yield Plant("icon", 0x00880200, token)

    def _behind(self, data_set: Dataset) -> Iterator[Plant]:
        value, token = self._value("LO")
        data_set.private_block(0x7FE1, "HILUM PLANTS", create=True).add_new(1, "LO", value)
        yield Plant("after the pixels", 0x7FE11001, token)
        value, token = self._value("OB")
        data_set.add(DataElement(0xFFFCFFFC, "OB", value))
        yield Plant("after the pixels", 0xFFFCFFFC, token)

    def _comment(self, data_set: Dataset) -> Iterator[Plant]:
        """Put a COM segment behind the start of the first frame (ISO 10918-1 B.2.4.5)."""
        fragments = list(generate_fragments(data_set.PixelData))
        fragments = fragments[1:]  # the offset table, which pydicom writes anew
        if not fragments or fragments[0][:2] != b"\xff\xd8":
            return
        text, token = self._value("LO")
        assert isinstance(text, str)
        comment = text.encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        fragments[0] = fragments[0][:2] + segment + fragments[0][2:]
        data_set.PixelData = encapsulate(fragments, has_bot=False)
        yield Plant("JPEG comment", 0x7FE00010, token)

    def _around(self, data_set: Dataset) -> Iterator[Plant]:
        meta = data_set.file_meta
        assert isinstance(meta, FileMetaDataset)
        for tag in (0x00020016, 0x00020017, 0x00020018):
            value, token = self._value("AE")
            meta.add(DataElement(tag, "AE", value))
            yield Plant("file meta", tag, token)
        value, token = self._value("OB")
        meta.add(DataElement(0x00020100, "UI", "1.2.826.0.1.3680043.10.1"))
        meta.add(DataElement(0x00020102, "OB", value))
        yield Plant("file meta", 0x00020102, token)
        value, token = self._value("OB")
        assert isinstance(value, bytes)
        data_set.preamble = value.ljust(128, b"\0")
        yield Plant("preamble", 0, token)

    def _value(self, vr: str) -> tuple[str | bytes, bytes]:
        """A value that no other plant has, and the bytes to look for."""
        self._count += 1
        value = _VALUES[vr](self._count)
        token = value if isinstance(value, bytes) else value.rstrip("^").encode()
        return value, token


@contextmanager
def _taken_for_un() -> Iterator[None]:
    """Let what is written as UN be UN, whatever the dictionary says."""
    before = pydicom.config.replace_un_with_known_vr
    pydicom.config.replace_un_with_known_vr = False
    try:
        yield
    finally:
        pydicom.config.replace_un_with_known_vr = before


def _word(number: int) -> str:
    return f"QZ{number:06d}XK"


def _day(number: int) -> str:
    return f"{date(1901, 1, 1) + timedelta(days=number % 18_000):%Y%m%d}"


_VALUES: dict[str, Callable[[int], str | bytes]] = {
    **dict.fromkeys(("AE", "CS", "LO", "SH", "ST", "LT", "UC", "UT", "UR"), _word),
    "PN": lambda number: f"{_word(number)}^",
    "UI": lambda number: f"1.2.826.0.1.9999.{number}.77",
    "DA": _day,
    "DT": lambda number: f"{_day(number)}0314{number % 60:02d}.{number:06d}",
    "TM": lambda number: f"0314{number % 60:02d}.{number:06d}",
    "DS": lambda number: f"-98765{number:06d}.5",
    "IS": lambda number: f"-17{number:08d}",
    "OB": lambda number: _word(number).encode(),
}
_PLANTABLE = tuple(row for row in rows() if row.vr in _VALUES and row.basic_profile != "K")


def left_in(result: bytes, plants: Collection[Plant]) -> list[Plant]:
    """Say which of the planted values can still be found in a file."""
    looked_at = _without_pixels(result)
    return [plant for plant in plants if plant.token in looked_at]


def _without_pixels(result: bytes) -> bytes:
    """The file but for native pixels, in which any bytes may come about; deflated ones inflated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set = pydicom.dcmread(io.BytesIO(result), force=True)
        syntax = data_set.file_meta.TransferSyntaxUID
        if syntax.is_deflated:
            start = 144 + int.from_bytes(result[140:144], "little")  # the length of group 0002 (PS3.10 7.1)
            return result[:start] + zlib.decompress(result[start:], -zlib.MAX_WBITS)
        pixels = data_set.get_item(_PIXELS) if _PIXELS in data_set else None
    value = getattr(pixels, "value", None)
    if isinstance(value, bytes) and len(value) > _SHORT and not syntax.is_encapsulated:
        return result.replace(value, b"", 1)
    return result
