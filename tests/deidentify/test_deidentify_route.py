"""A route that de-identifies: what arrives is de-identified, and what cannot be judged is held."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage

from hilum_core.testing import running_router, send

ROUTE = """
    [peers.modality]
    ae_title = "MODALITY"
    may_send = true
    [transforms.research]
    type = "deidentify"
    secret = {{ file = "{secret}" }}
    [sinks.research]
    type = "folder"
    path = "{folder}"
    deidentified_only = true
    layout = "{{PatientID}}/{{StudyInstanceUID}}/{{SOPInstanceUID}}.dcm"
    [[routes]]
    name = "research"
    transforms = ["research"]
    sinks = ["research"]
    """


@pytest.fixture
def config(tmp_path) -> str:
    (tmp_path / "arrived").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("a secret of sixteen bytes, or more\n")
    return ROUTE.format(secret=secret, folder=tmp_path / "arrived")


def arrived(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "arrived").rglob("*.dcm"))


def test_what_arrives_is_deidentified(tmp_path, make_object, wait_until, config):
    files = [make_object(tmp_path / "sent", number, StudyDate="20200101") for number in (1, 2)]
    with running_router(tmp_path, config) as router:
        assert set(send(files, router.port).values()) == {0}
        wait_until(lambda: len(arrived(tmp_path)) == 2, within_s=60)
    first, second = (pydicom.dcmread(path) for path in arrived(tmp_path))
    assert first.PatientID == second.PatientID
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.PatientIdentityRemoved == "YES"
    assert first.SOPClassUID == CTImageStorage
    for file, path in zip(files, arrived(tmp_path), strict=True):
        data = path.read_bytes()
        assert not [word for word in (b"PLANTED", b"Planted", b"20200101", b"1.2.826.0.1") if word in data]
        assert pydicom.dcmread(file.path).PixelData in {first.PixelData, second.PixelData}


def test_what_cannot_be_judged_is_held_with_the_reason(tmp_path, make_object, wait_until, config, hilum):
    screen = make_object(tmp_path / "sent", 1, sop_class_uid=SecondaryCaptureImageStorage)
    with running_router(tmp_path, config) as router:
        assert set(send([screen], router.port).values()) == {0}

        def shown() -> str:
            return hilum("queue", "held", "--state-dir", tmp_path / "state").stdout

        wait_until(lambda: "burned-in-text" in shown(), within_s=60)
        assert "PLANTED" not in shown()
    assert not arrived(tmp_path)
