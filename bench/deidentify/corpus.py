"""Real objects to plant in: every one in the test-data packages that pydicom reads whole."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom

PACKAGES = ("pydicom", "data_store", "deid_data")
"""The packages `pydicom`, `pydicom-data` and `deid-data`, by the names they are imported by."""


def real_objects() -> Iterator[Path]:
    """Find the objects, in an order that is the same wherever the same versions are installed."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit(f"the package that holds {package} is not installed; run `make setup`")
        root = Path(next(iter(spec.submodule_search_locations)))
        yield from (path for path in sorted(root.rglob("*")) if path.is_file() and _is_whole(path))


def _is_whole(path: Path) -> bool:
    """Whether it is an object that every engine should be able to read: with File Meta, and not cut short."""
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            data_set = pydicom.dcmread(path)
            for _ in data_set.iterall():
                pass
        except Exception:  # noqa: BLE001 - pydicom raises many kinds
            return False
    return "SOPClassUID" in data_set and "TransferSyntaxUID" in data_set.file_meta
