"""What verify finds in a result into which something leaked, and what it leaves alone."""

import io

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from hilum_sdk.config import structure
from hilum_sdk.testing import TRANSFER_SYNTAXES, FakeContext, draft_from, item_from, make_object
from hilum_transform_deidentify.config import DeidentifyConfig
from hilum_transform_deidentify.transform import DeidentifyTransform

NAME, ID, DATE, UID = "Planetar^Zyxander", "HX-99120-77", "19370412", "1.2.826.0.1.3680043.10.99.12345"


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "a secret of the tests of verify")

    def make(**table):
        config = structure({"secret": {"env": "SECRET"}, **table}, DeidentifyConfig)
        transform = DeidentifyTransform(config, FakeContext(tmp_path))
        transform.open()
        return transform

    return make


@pytest.fixture(params=["explicit", "implicit", "deflated", "big endian"])
def original(request, tmp_path):
    elements = {"PatientName": NAME, "PatientID": ID, "PatientBirthDate": DATE, "FrameOfReferenceUID": UID}
    return make_object(
        tmp_path / "original", rows=8, transfer_syntax_uid=TRANSFER_SYNTAXES[request.param], elements=elements
    )


def _result(transform, original, folder, leak=lambda data_set: None):
    """The object as it would leave, after something that comes later in the chain."""
    folder.mkdir(exist_ok=True)
    with draft_from(original) as draft:
        assert transform.apply(draft) is None
        out = io.BytesIO()
        draft.write_data_set(out)
        instance, syntax = draft.sop_instance_uid, draft.transfer_syntax_uid
    data_set = pydicom.dcmread(original)
    plain = pydicom.dcmread(io.BytesIO(_part10(data_set, instance, syntax) + out.getvalue()))
    leak(plain)
    path = folder / "result.dcm"
    plain.save_as(path, enforce_file_format=True)
    return path


def _part10(data_set, instance, syntax):
    from hilum_sdk.elements import minimal_file_meta

    return minimal_file_meta(
        sop_class_uid=data_set.SOPClassUID, sop_instance_uid=instance, transfer_syntax_uid=syntax
    )


def _verify(transform, original, result):
    with draft_from(original) as draft:
        return list(transform.verify(draft, item_from(result, deidentified=True)))


def _nested(data_set):
    deep = Dataset()
    deep.CodeMeaning = f"seen by {NAME.split('^')[1].upper()} today"
    middle = Dataset()
    middle.AnatomicRegionModifierSequence = [deep]
    data_set.AnatomicRegionSequence = [middle]


def _private(vr, value):
    def leak(data_set):
        data_set.private_block(0x0011, "LEAKY", create=True).add_new(1, vr, value)

    return leak


def _set(keyword, value):
    return lambda data_set: setattr(data_set, keyword, value)


LEAKS = {
    "a name in another element": (_set("ProtocolName", f"for {NAME}"), "PatientName in ProtocolName"),
    "a word of a name": (_set("Manufacturer", "planetar"), "PatientName in Manufacturer"),
    "an id": (_set("ManufacturerModelName", f"x {ID}"), "PatientID in ManufacturerModelName"),
    "a date": (_set("SoftwareVersions", DATE), "PatientBirthDate in SoftwareVersions"),
    "a date in a date and time": (
        _set("AcquisitionDateTime", f"{DATE}120000"),
        "PatientBirthDate in AcquisitionDateTime",
    ),
    "a UID": (_set("FrameOfReferenceUID", UID), "FrameOfReferenceUID in FrameOfReferenceUID"),
    "in a nested item": (_nested, "PatientName in CodeMeaning"),
    "in private text": (_private("LO", ID), "PatientID in (0011,1001)"),
    "in private bytes": (_private("OB", b"\0\1" + ID.encode() + b"\0"), "PatientID in (0011,1001)"),
    "in UTF-16": (_private("UN", NAME.encode("utf-16-le")), "PatientName in (0011,1001)"),
    "in many bytes": (
        _private("OB", bytes(2_000_001) + ID.encode() + bytes(99_000)),
        "PatientID in (0011,1001)",
    ),
    "behind the pixels": (
        lambda data_set: data_set.add_new(0xFFFCFFFC, "OB", ID.encode() + b"\0"),
        "PatientID in DataSetTrailingPadding",
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_what_leaks_after_the_transform_is_found_and_named_without_its_value(made, original, tmp_path, leak):
    transform = made()
    change, said = LEAKS[leak]
    (hold,) = _verify(transform, original, _result(transform, original, tmp_path / "out", change))
    assert hold.code == "verify"
    assert said in hold.reason
    for value in (NAME, *NAME.split("^"), ID, DATE, UID):
        assert value.lower() not in hold.reason.lower()


@pytest.mark.parametrize(
    "leaked",
    [
        "MÜLLER-WEIßMANN".encode("latin-1"),
        "Müller".encode(),
        "müller".encode("utf-16-be"),
        b"Wei\xdfmann",
    ],
)
def test_letters_beyond_ascii_are_found_in_bytes(made, tmp_path, leaked):
    original = make_object(tmp_path, rows=8, elements={"PatientName": "Müller^Weißmann"})
    transform = made()
    result = _result(transform, original, tmp_path / "out", _private("OB", b"\0" + leaked + b"\0"))
    (hold,) = _verify(transform, original, result)
    assert "PatientName in (0011,1001)" in hold.reason


@pytest.mark.parametrize("identifier", ["AB 12/34", "(77-AB)", "X.99.12"])
@pytest.mark.parametrize("text", ["see {} there", "[{}]", "{}"])
def test_an_identifier_of_any_letters_is_found_within_a_text(made, tmp_path, identifier, text):
    original = make_object(tmp_path, rows=8, elements={"PatientID": identifier})
    transform = made()
    result = _result(transform, original, tmp_path / "out", _set("ProtocolName", text.format(identifier)))
    (hold,) = _verify(transform, original, result)
    assert "PatientID in ProtocolName" in hold.reason


def test_in_what_is_as_the_transform_made_it_nothing_is_found(made, original, tmp_path):
    transform = made()
    assert _verify(transform, original, _result(transform, original, tmp_path / "out")) == []


def test_the_picture_itself_is_not_looked_at(made, tmp_path):
    original = make_object(tmp_path, rows=8, elements={"PatientID": ID})
    transform = made()

    def leak(data_set):
        data_set.PixelData = ID.encode() + data_set.PixelData[len(ID) :]

    assert _verify(transform, original, _result(transform, original, tmp_path / "out", leak)) == []


def test_a_comment_in_a_compressed_picture_is_looked_at(made, tmp_path):
    original = make_object(
        tmp_path, rows=8, transfer_syntax_uid=TRANSFER_SYNTAXES["JPEG"], elements={"PatientID": ID}
    )
    transform = made()

    def leak(data_set):
        comment = ID.encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        image = b"\xff\xd8" + segment + b"\xff\xda\0\2" + bytes(100) + b"\xff\xd9"
        data_set.PixelData = encapsulate([image])

    (hold,) = _verify(transform, original, _result(transform, original, tmp_path / "out", leak))
    assert "PatientID in PixelData" in hold.reason


def test_allowed_words_and_what_is_kept_by_right_may_stand_anywhere(made, tmp_path):
    original = make_object(
        tmp_path,
        rows=8,
        elements={"PatientName": "Thorax^Bein", "BodyPartExamined": "THORAX", "Manufacturer": "Maker"},
    )
    transform = made()
    leak = _set("ProtocolName", "Thorax Bein")
    (hold,) = _verify(transform, original, _result(transform, original, tmp_path / "a", leak))
    assert "PatientName in ProtocolName" in hold.reason  # for Bein
    allowing = made(allowed_words=["Bein"])
    assert _verify(allowing, original, _result(allowing, original, tmp_path / "b", leak)) == []


def test_what_stands_in_a_sequence_that_goes_is_not_kept_by_right(made, tmp_path):
    original = make_object(tmp_path, rows=8, elements={"PatientName": "Bein^Egon"})
    data_set = pydicom.dcmread(original)
    code = Dataset()
    code.CodeMeaning = "of Egon Bein"
    data_set.RequestAttributesSequence = [Dataset()]
    data_set.RequestAttributesSequence[0].ScheduledProtocolCodeSequence = [code]
    data_set.save_as(original)
    transform = made()
    result = _result(transform, original, tmp_path / "out", _set("ProtocolName", "Egon"))
    (hold,) = _verify(transform, original, result)
    assert "PatientName in ProtocolName" in hold.reason


def test_dates_that_are_kept_are_not_looked_for(made, tmp_path):
    original = make_object(tmp_path, rows=8, elements={"StudyDate": "20240131"})
    transform = made(retain=["longitudinal-full-dates"])
    leak = _set("SoftwareVersions", "20240131")
    assert _verify(transform, original, _result(transform, original, tmp_path / "out", leak)) == []
