"""One engine, kept warm: `python engine.py NAME SOURCE TARGET`, in the environment that has the engine.

For each line of its input it de-identifies every file of SOURCE into TARGET and answers with one line of
JSON: the seconds that took, and the names of files that the engine declined, with the kind of error.
It imports nothing of the bench, because the environments of others do not have it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

Deidentify = Callable[[Path, Path], None]


def dicom_anonymizer() -> Deidentify:
    """As it comes."""
    module = importlib.import_module("dicomanonymizer.simpledicomanonymizer")

    def one(source: Path, target: Path) -> None:
        module.anonymize_dicom_file(str(source), str(target))

    return one


def dcm_anonymizer() -> Deidentify:
    """As it comes, with a salt."""
    pipeline = importlib.import_module("dcm_anon.pipeline")
    mapper = importlib.import_module("dcm_anon.uid_mapper").UIDMapper(salt="a salt of the bench")

    def one(source: Path, target: Path) -> None:
        pipeline.anonymize_file(source, target, mapper)

    return one


def dicognito() -> Deidentify:
    """As it comes, with a seed."""
    pydicom = importlib.import_module("pydicom")
    anonymizer = importlib.import_module("dicognito.anonymizer").Anonymizer(seed="of the bench")

    def one(source: Path, target: Path) -> None:
        data_set = pydicom.dcmread(source)
        anonymizer.anonymize(data_set)
        data_set.save_as(target)

    return one


def deid() -> Deidentify:
    """Remove by its default recipe, private elements included."""
    header = importlib.import_module("deid.dicom.header")

    def one(source: Path, target: Path) -> None:
        (data_set,) = header.replace_identifiers(dicom_files=str(source), save=False, remove_private=True)
        data_set.save_as(target)

    return one


def dcmanon() -> Deidentify:
    """As it comes; written in Rust."""
    anonymizer = importlib.import_module("dcmanon").Anonymizer()

    def one(source: Path, target: Path) -> None:
        target.write_bytes(anonymizer.anonymize(str(source)))

    return one


def hilum() -> Deidentify:
    """The transform alone, verify off."""
    return _hilum(verify=False)


def hilum_verified() -> Deidentify:
    """The transform, and verify on what it made."""
    return _hilum(verify=True)


def _hilum(*, verify: bool) -> Deidentify:
    alone = importlib.import_module("bench.deidentify.alone")
    one: Deidentify = alone.Alone(verify=verify).deidentify
    return one


ENGINES: dict[str, Callable[[], Deidentify]] = {
    "hilum": hilum,
    "hilum, verified": hilum_verified,
    "dcmanon": dcmanon,
    "dicom-anonymizer": dicom_anonymizer,
    "dcm-anonymizer": dcm_anonymizer,
    "dicognito": dicognito,
    "deid": deid,
}


def main(name: str, source: Path, target: Path) -> None:
    """Serve until the input ends."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    answers = os.fdopen(os.dup(1), "w")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        deidentify = ENGINES[name]()
        print(json.dumps({"ready": name}), file=answers, flush=True)
        for _ in sys.stdin:
            print(json.dumps(_round(deidentify, source, target)), file=answers, flush=True)


def _round(deidentify: Deidentify, source: Path, target: Path) -> dict[str, Any]:
    declined: dict[str, str] = {}
    files = sorted(source.iterdir())
    start = time.perf_counter()
    for path in files:
        try:
            deidentify(path, target / path.name)
        except BaseException as error:  # noqa: BLE001 - whatever an engine raises, it declined the file
            (target / path.name).unlink(missing_ok=True)
            declined[path.name] = f"{type(error).__name__}: {error}"[:200]
    return {"seconds": time.perf_counter() - start, "declined": declined}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
