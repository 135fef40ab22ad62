"""`hilum render` writes what a route would send, and `hilum diff` shows what differs."""

import json
import shutil
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

CONFIG = """
[router]
state_dir = "/nowhere"
[peers.ct1]
ae_title = "CT1"
may_send = true
[transforms.mark]
type = "edit"
set = { InstitutionName = "Hilum" }
[sinks.kept]
type = "folder"
path = "/nowhere"
[[routes]]
name = "marked"
transforms = ["mark"]
sinks = ["kept"]
[[routes]]
name = "plain"
sinks = ["kept"]
"""

STAND_IN = """
import attrs
from hilum_sdk import Hold, Transform, TransformSpec, hookimpl
@attrs.frozen(kw_only=True)
class Config:
    pass
class Blank(Transform):
    def apply(self, draft):
        if draft.elements.get((0x00080060,)).value == b"MR":
            return Hold(reason="cannot judge an MR", code="burned-in")
        if draft.elements.get((0x00080060,)).value != b"CT":
            return {}[draft.instance.sop_instance_uid]
        draft.elements.put((0x00080018,), "UI", b"2.25.4711")
@hookimpl
def hilum_register_transforms():
    yield TransformSpec(type="blank", config=Config, create=Blank, deidentifies=lambda config: True)
"""


@pytest.fixture
def ct():
    return Path(get_testdata_file("CT_small.dcm"))


@pytest.fixture
def render(hilum, write_config, tmp_path):
    """Render by a route of a config; the outcome, and what was written."""

    def run(route, *files, config=CONFIG):
        out = tmp_path / "out"
        shown = hilum("render", write_config(config), route, *files, "-o", out)
        return shown, sorted(out.iterdir()) if out.is_dir() else []

    return run


def test_what_a_route_would_send_is_written_and_named_by_its_uid(render, ct):
    shown, (made,) = render("marked", ct)
    assert (shown.exit_code, shown.stdout) == (0, f"{made}\n")
    ds, was = dcmread(made), dcmread(ct)
    assert made.name == f"{was.SOPInstanceUID}.dcm"
    assert ds.InstitutionName == "Hilum"
    assert ds.PixelData == was.PixelData


def test_a_route_without_transforms_sends_objects_as_they_came(render, hilum, ct):
    _, (made,) = render("plain", ct)
    shown = hilum("diff", ct, made, "--json")
    assert {row["tag"][:5] for row in json.loads(shown.stdout)} <= {"-", "(0002"}


def test_a_folder_is_rendered_with_all_below_it(render, ct, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("CT_small.dcm", "MR_small.dcm"):
        shutil.copy(get_testdata_file(name), tmp_path / "in" / "deep")
    shown, made = render("marked", tmp_path / "in")
    assert shown.exit_code == 0
    assert len(made) == 2


def test_what_cannot_be_rendered_is_told_with_the_reason(render, ct):
    cut = Path(get_testdata_file("rtplan_truncated.dcm"))
    shown, made = render("marked", ct, ct, cut)
    assert shown.exit_code == 1
    assert len(made) == 1
    assert f"{ct}: its SOP Instance UID is that of an earlier result" in shown.stderr
    assert f"{cut}: (300A,00B0) at offset 1110: 976 bytes long, but what holds it ends" in shown.stderr


def test_of_a_route_that_de_identifies_neither_files_nor_uids_are_named(render, install, ct, tmp_path):
    install("acme", entry_points="[hilum.transforms]\nblank = acme\n", modules={"acme": STAND_IN})
    config = CONFIG.replace('type = "edit"\nset = { InstitutionName = "Hilum" }', 'type = "blank"')
    mr, sr = get_testdata_file("MR_small.dcm"), get_testdata_file("reportsi.dcm")
    for source in (mr, ct, sr):
        shutil.copy(source, tmp_path / f"{dcmread(source).SOPInstanceUID}.dcm")
    files = [tmp_path / f"{dcmread(source).SOPInstanceUID}.dcm" for source in (mr, ct, sr)]
    shown, (made,) = render("marked", *files, config=config)
    assert made.name == "2.25.4711.dcm"
    assert "file 1: held: cannot judge an MR (burned-in)\n" in shown.stderr
    assert "file 3: unexpected error: KeyError at acme.py" in shown.stderr
    assert not [file for file in files if file.stem in shown.output]


def test_a_route_that_is_not_there_is_named_with_the_nearest(render, ct):
    shown, _ = render("market", ct)
    assert shown.exit_code == 1
    assert "no route is called 'market'; did you mean 'marked'?" in shown.stderr


def test_a_faulty_config_renders_nothing(render, ct):
    shown, made = render("marked", ct, config=CONFIG.replace('"Hilum" }', '"Hilum" }\nx = 1'))
    assert (shown.exit_code, made) == (78, [])
    assert "transforms.mark.x" in shown.stderr


def test_a_file_differs_in_nothing_from_itself(hilum, ct):
    shown = hilum("diff", ct, ct)
    assert (shown.exit_code, shown.output) == (0, "")


@pytest.fixture
def edited(ct, tmp_path):
    path = tmp_path / "edited.dcm"
    ds = dcmread(ct)
    ds.PatientName = "Roe^Jane"
    ds.Rows = 7
    del ds.Modality
    ds.OtherPatientIDsSequence[1].PatientID = "4711"
    ds.PixelData = bytes(len(ds.PixelData))
    ds.save_as(path)
    return path


def test_what_differs_is_shown_by_path_and_value(hilum, ct, edited):
    rows = {row["element"]: row for row in json.loads(hilum("diff", ct, edited, "--json").stdout)}
    rows = {path: (row["vr"], row["a"], row["b"]) for path, row in rows.items() if "(0002" not in row["tag"]}
    assert rows["PatientName"] == ("PN", "CompressedSamples^CT1", "Roe^Jane")
    assert rows["Modality"] == ("CS", "CT", "-")
    assert rows["Rows"] == ("US", "128", "7")
    assert rows["OtherPatientIDsSequence[1].PatientID"] == ("LO", "1234ABCD", "4711")
    assert rows["PixelData"][0] == "OW"
    assert all("32,768 bytes" in side for side in rows["PixelData"][1:])


def test_values_may_be_left_out(hilum, ct, edited):
    shown = hilum("diff", ct, edited, "--no-values")
    assert shown.exit_code == 1
    assert "PatientName" in shown.stdout
    assert "Roe" not in shown.stdout and "CompressedSamples" not in shown.stdout


def test_what_is_no_dicom_file_is_named(hilum, ct, tmp_path):
    (tmp_path / "x").write_text("x")
    shown = hilum("diff", ct, tmp_path / "x")
    assert (shown.exit_code, shown.stderr) == (
        1,
        f"hilum: {tmp_path / 'x'}: is not a DICOM file (PS3.10 7.1)\n",
    )
