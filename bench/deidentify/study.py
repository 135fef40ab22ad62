"""One large study, de-identified by routers that know nothing of each other: do their UIDs agree?

`make study`. The objects refer to each other by instance, series,
study and frame of reference, as images, their sources and a report of them do.
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import attrs
import click
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from bench.deidentify.alone import Alone

CT = "1.2.840.10008.5.1.4.1.1.2"
REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
_ROOT = "1.2.826.0.1.3680043.10.1111"
_SERIES = 4
_OF_THE_STANDARD = "1.2.840.10008."


def make_study(folder: Path, objects: int) -> None:
    """Write a study of CT images in some series, and one report that refers to all of them."""
    folder.mkdir(parents=True)
    for number in range(objects - 1):
        _write(folder / f"{number:06d}.dcm", _image(number, objects - 1))
    _write(folder / "report.dcm", _report(objects - 1))


def deidentify_study(source: Path, target: Path, secret: str) -> None:
    """De-identify every object, as a router with this secret does."""
    target.mkdir(parents=True)
    alone = Alone(verify=False, secret=secret)
    for path in sorted(source.iterdir()):
        alone.deidentify(path, target / path.name)


@attrs.frozen
class Uids:
    """The UIDs of all objects of a study in a folder, file by file, in the order of their elements."""

    by_file: Mapping[str, Sequence[tuple[str, str]]]

    @classmethod
    def of(cls, folder: Path) -> Uids:
        """Read them, the place of each as text."""
        return cls(
            {
                path.name: tuple(_uids(pydicom.dcmread(path, specific_tags=None), ""))
                for path in sorted(folder.iterdir())
            }
        )

    def mapped_to(self, other: Uids) -> dict[str, str]:
        """What became of each UID. Raises AssertionError if one became two, or two became one."""
        mapping: dict[str, str] = {}
        for name, uids in self.by_file.items():
            now = dict(other.by_file[name])
            for place, uid in uids:
                if place not in now:
                    continue  # the profile removed the element
                assert mapping.setdefault(uid, now[place]) == now[place], (
                    f"{name} {place}: one UID became two"
                )
        assert len(set(mapping.values())) == len(mapping), "two UIDs became one"
        return mapping

    def instances(self) -> set[str]:
        """All SOP Instance UIDs."""
        return {uid for uids in self.by_file.values() for place, uid in uids if place == "SOPInstanceUID"}

    def references(self) -> set[str]:
        """All instances that some object refers to."""
        return {
            uid
            for uids in self.by_file.values()
            for place, uid in uids
            if place.endswith("ReferencedSOPInstanceUID")
        }


def _uids(data_set: Dataset, above: str) -> Iterator[tuple[str, str]]:
    for element in data_set:
        place = f"{above}{element.keyword}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _uids(item, f"{place}[{number}].")
        elif element.VR == "UI" and element.value and not str(element.value).startswith(_OF_THE_STANDARD):
            yield place, str(element.value)


def _image(number: int, count: int) -> Dataset:
    series = number % _SERIES
    data_set = _head(CT, f"{_ROOT}.3.{number}", f"{_ROOT}.2.{series}")
    data_set.Modality, data_set.InstanceNumber = "CT", number + 1
    data_set.FrameOfReferenceUID = f"{_ROOT}.4.{series // 2}"
    data_set.ReferencedImageSequence = [_reference(other % count) for other in (number + 1, number + 7)]
    data_set.SourceImageSequence = [_reference((number + 3) % count)]
    data_set.SamplesPerPixel, data_set.PhotometricInterpretation = 1, "MONOCHROME2"
    data_set.Rows = data_set.Columns = 4
    data_set.BitsAllocated, data_set.BitsStored, data_set.HighBit = 16, 12, 11
    data_set.PixelRepresentation = 0
    data_set.PixelData = bytes(32)
    return data_set


def _report(count: int) -> Dataset:
    data_set = _head(REPORT, f"{_ROOT}.5.1", f"{_ROOT}.2.{_SERIES}")
    data_set.Modality = "SR"
    series = []
    for number in range(_SERIES):
        one = Dataset()
        one.SeriesInstanceUID = f"{_ROOT}.2.{number}"
        one.ReferencedSOPSequence = [_reference(image) for image in range(number, count, _SERIES)]
        series.append(one)
    study = Dataset()
    study.StudyInstanceUID, study.ReferencedSeriesSequence = f"{_ROOT}.1", series
    data_set.CurrentRequestedProcedureEvidenceSequence = [study]
    data_set.ValueType = "CONTAINER"
    return data_set


def _head(sop_class: str, instance: str, series: str) -> Dataset:
    data_set = Dataset()
    data_set.SOPClassUID, data_set.SOPInstanceUID = sop_class, instance
    data_set.StudyInstanceUID, data_set.SeriesInstanceUID = f"{_ROOT}.1", series
    data_set.PatientName, data_set.PatientID = "Large^Study", "L-20000"
    data_set.StudyDate, data_set.StudyTime = "20240131", "120000"
    return data_set


def _reference(number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CT, f"{_ROOT}.3.{number}"
    return item


def _write(path: Path, data_set: Dataset) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = data_set.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data_set.SOPInstanceUID
    data_set.file_meta = meta
    data_set.save_as(path, enforce_file_format=True)


def compare(folder: Path, objects: int) -> list[str]:
    """Make the study, de-identify it in three processes, and compare; give what was found, in words.

    Raises
    ------
    AssertionError
        UIDs do not agree where they must, or do where they must not.
    """
    source = folder / "study"
    make_study(source, objects)
    secrets = {
        "first": "one secret of two routers",
        "second": "one secret of two routers",
        "other": "another one of 16",
    }
    spawn = multiprocessing.get_context("spawn")
    runs = [
        spawn.Process(target=deidentify_study, args=(source, folder / name, secret))
        for name, secret in secrets.items()
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
        assert run.exitcode == 0, "a run has failed"
    for path in sorted((folder / "first").iterdir()):
        assert path.read_bytes() == (folder / "second" / path.name).read_bytes(), f"{path.name}: other bytes"
    before, first, other = Uids.of(source), Uids.of(folder / "first"), Uids.of(folder / "other")
    mapping, otherwise = before.mapped_to(first), before.mapped_to(other)
    assert not set(mapping.values()) & set(otherwise.values()), "two secrets gave one UID"
    assert not set(mapping) & set(mapping.values()), "a UID came through"
    missing = first.references() - first.instances()
    assert not missing, f"{len(missing)} references lead nowhere"
    return [
        f"{objects:,} objects, {len(mapping):,} UIDs: each became one other, the same in both runs",
        f"{len(first.references()):,} instances are referred to, and all are there",
        "with another secret no UID agrees",
    ]


@click.command()
@click.option("--objects", type=click.IntRange(min=10), default=20_000, show_default=True)
def main(objects: int) -> None:
    """De-identify one study twice with one secret and once with another; compare all UIDs."""
    with tempfile.TemporaryDirectory(prefix="hilum-study-") as folder:
        for line in compare(Path(folder), objects):
            click.echo(line)


if __name__ == "__main__":
    main()
