"""The test files of others, and drafts over them."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hilum_sdk.elements import DRAFT_LIMITS, FileDraft, FileMeta, Limits, encode_file_meta, read_file_meta
from hilum_sdk.records import Association, Instance

NO_FILE_META = {
    "ExplVR_BigEndNoMeta.dcm": "a bare data set",
    "ExplVR_LitEndNoMeta.dcm": "a bare data set",
    "OT-PAL-8-face.dcm": "a bare data set",
    "meta_missing_tsyntax.dcm": "does not name its transfer syntax",
    "no_meta.dcm": "a bare data set",
    "rtstruct.dcm": "a bare data set",
}
CUT_SHORT_IN_ELEMENTS = {
    "DICOMDIR-nooffset": "ends within the items of (0004,1220)",
    "rtplan_truncated.dcm": "ends within (300A,00B0)",
}
CUT_SHORT_IN_PIXELS = {
    "MR_truncated.dcm": "ends within Pixel Data",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "ends within a fragment",
}

_NO_DICOM = {".gz", ".icc", ".json", ".md", ".png", ".py", ".pyc", ".txt", ".zip", ".dump"}


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"the test group needs {package}"
    assert spec.origin is not None or spec.submodule_search_locations is not None
    return Path(next(iter(spec.submodule_search_locations or [])))


def corpus() -> list[Path]:
    """Every DICOM file that pydicom, pydicom-data and deid-data ship."""
    folders = [_folder("pydicom") / "data", _folder("data_store"), _folder("deid_data")]
    return sorted(
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in _NO_DICOM and path.name != "README"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    no_header = NO_FILE_META | CUT_SHORT_IN_ELEMENTS
    choices = {
        "whole_file": lambda name: name not in no_header | CUT_SHORT_IN_PIXELS,
        "headed_file": lambda name: name not in no_header,
        "file_without_meta": lambda name: name in NO_FILE_META,
        "file_cut_short": lambda name: name in CUT_SHORT_IN_ELEMENTS,
        "file_cut_short_in_pixels": lambda name: name in CUT_SHORT_IN_PIXELS,
    }
    for fixture, is_chosen in choices.items():
        if fixture in metafunc.fixturenames:
            chosen = [path for path in corpus() if is_chosen(path.name)]
            metafunc.parametrize(fixture, chosen, ids=[f"{path.parent.name}-{path.name}" for path in chosen])


def file_meta(path: Path) -> FileMeta:
    with path.open("rb") as stream:
        return read_file_meta(stream)


@pytest.fixture
def meta_of() -> Callable[[Path], FileMeta]:
    return file_meta


@pytest.fixture
def data_set_of() -> Callable[[Path], bytes]:
    """The encoded data set of a file."""
    return lambda path: path.read_bytes()[file_meta(path).data_set_offset :]


@pytest.fixture
def open_draft(tmp_path: Path) -> Callable[..., AbstractContextManager[FileDraft]]:
    def opened(path: Path, *, limits: Limits = DRAFT_LIMITS) -> FileDraft:
        meta = file_meta(path)
        length = path.stat().st_size - meta.data_set_offset
        return FileDraft.open(
            path,
            data_set_offset=meta.data_set_offset,
            data_set_length=length,
            transfer_syntax_uid=meta.transfer_syntax_uid,
            instance=an_instance(meta, length),
            limits=limits,
            scratch_dir=tmp_path,
        )

    return opened


def an_instance(meta: FileMeta, length: int) -> Instance:
    return Instance(
        id="1",
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
        data_set_bytes=length,
        received_at=datetime(2024, 1, 1, tzinfo=UTC),
        association=Association(calling_ae="CT1", called_ae="HILUM"),
    )


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[[bytes, str], Path]:
    """Write a file of this data set in this transfer syntax."""
    numbers = itertools.count()

    def make(data_set: bytes, transfer_syntax_uid: str) -> Path:
        path = tmp_path / f"{next(numbers)}.dcm"
        meta = encode_file_meta(
            (
                (0x00020002, "UI", b"1.2.840.10008.5.1.4.1.1.7"),
                (0x00020003, "UI", b"2.25.1"),
                (0x00020010, "UI", transfer_syntax_uid.encode()),
            )
        )
        path.write_bytes(meta + data_set)
        return path

    return make
