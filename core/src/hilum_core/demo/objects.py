"""The objects that the demo sends: files that stand inside the installed pydicom. No download."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import attrs
from pydicom import dcmread
from pydicom.uid import UID

NAMES = (
    "CT_small.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "MR_small_implicit.dcm",
    "examples_overlay.dcm",
    "dicomdirtests/77654033/CR1/6154",
    "ExplVR_BigEnd.dcm",
    "examples_ybr_color.dcm",
    "liver_expb_1frame.dcm",
    "rtdose_rle.dcm",
    "reportsi.dcm",
    "test-SR.dcm",
    "waveform_ecg.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
)
"""Radiography, CT, MR, ultrasound (one of 30 frames), segmentation, dose, reports, a waveform; native in
both byte orders, implicit, JPEG, JPEG 2000 and RLE."""


@attrs.frozen(kw_only=True)
class DemoObject:
    """One file to send, told by its File Meta Information and its data set's modality."""

    path: Path
    name: str
    modality: str
    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax_uid: UID


def shipped_objects() -> tuple[DemoObject, ...]:
    """Find the objects in the installed pydicom; what a later pydicom no longer ships is left out."""
    folder = Path(str(files("pydicom"))) / "data" / "test_files"
    return tuple(_read(folder / name) for name in NAMES if (folder / name).is_file())


def _read(path: Path) -> DemoObject:
    dataset = dcmread(path, specific_tags=["Modality"])
    meta = dataset.file_meta
    return DemoObject(
        path=path,
        name=path.name,
        modality=dataset.get("Modality", ""),
        sop_class_uid=meta.MediaStorageSOPClassUID,
        sop_instance_uid=meta.MediaStorageSOPInstanceUID,
        transfer_syntax_uid=meta.TransferSyntaxUID,
    )
