"""Digests of patients."""

from __future__ import annotations

import subprocess
import sys

from hilum_core.route.patient_key import PatientKeys


def test_one_patient_has_one_key_and_nobody_without_the_secret_can_make_it(tmp_path):
    keys = PatientKeys.of(tmp_path)
    assert keys.key("P1", "A") == PatientKeys.of(tmp_path).key("P1", "A")
    assert len({keys.key("P1", "A"), keys.key("P1", "B"), keys.key("P2", "A")}) == 3
    assert keys.key("", "A") == ""
    (tmp_path / "other").mkdir()
    assert PatientKeys.of(tmp_path / "other").key("P1", "A") != keys.key("P1", "A")


def test_workers_that_start_together_agree(tmp_path):
    code = (
        "import sys; from pathlib import Path; from hilum_core.route.patient_key import PatientKeys;"
        "sys.stdin.read(); print(PatientKeys.of(Path(sys.argv[1])).key('P1', ''))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for worker in workers:
        worker.stdin.close()
    said = set()
    for worker in workers:
        said.add(worker.stdout.read())
        worker.stdout.close()
        worker.wait()
    assert len(said) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["patient.key"]


def test_a_secret_that_was_cut_off_is_made_anew(tmp_path):
    (tmp_path / "patient.key").write_bytes(b"half")
    keys = PatientKeys.of(tmp_path)
    assert len((tmp_path / "patient.key").read_bytes()) == 32
    assert keys.key("P1", "") == PatientKeys.of(tmp_path).key("P1", "")
    assert keys.key("P1", "") != PatientKeys(b"").key("P1", "")
