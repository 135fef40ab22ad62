"""What an edit does to an object: looked at with pydicom, and at the bytes of what it leaves alone."""

import io

import pydicom
import pytest

from hilum_sdk import Hold, PermanentError
from hilum_sdk.config import structure
from hilum_sdk.elements import minimal_file_meta
from hilum_sdk.testing import (
    TRANSFER_SYNTAXES,
    FakeContext,
    data_set_bytes,
    draft_from,
    instance_from,
    make_object,
)
from hilum_transform_edit.config import EditConfig
from hilum_transform_edit.transform import EditTransform


@pytest.fixture(params=TRANSFER_SYNTAXES.values(), ids=TRANSFER_SYNTAXES)
def path(request, tmp_path):
    return make_object(tmp_path, transfer_syntax_uid=request.param)


class Edited:
    """An object after an edit: its bytes, and what pydicom reads of them."""

    def __init__(self, tmp_path, path, table):
        transform = EditTransform(structure(table, EditConfig), FakeContext(tmp_path, label="transforms.x"))
        with draft_from(path) as draft:
            assert transform.apply(draft) is None
            self.changed = draft.changed
            self.notes = dict(draft.notes)
            out = io.BytesIO()
            draft.write_data_set(out)
        self.data_set = out.getvalue()
        instance = instance_from(path)
        meta = minimal_file_meta(
            sop_class_uid=instance.sop_class_uid,
            sop_instance_uid=instance.sop_instance_uid,
            transfer_syntax_uid=instance.transfer_syntax_uid,
        )
        self.read = pydicom.dcmread(io.BytesIO(meta + self.data_set))


def _expected(path):
    return pydicom.dcmread(path)


def _set(data_set, keyword, value):
    setattr(data_set, keyword, value)


SETTINGS = [
    ("InstitutionName", "Zürich", lambda d: _set(d, "InstitutionName", "Zürich")),
    ("AccessionNumber", "A1", lambda d: _set(d, "AccessionNumber", "A1")),
    ("AccessionNumber", "", lambda d: _set(d, "AccessionNumber", "")),
    ("PatientBirthDate", "19700101", lambda d: _set(d, "PatientBirthDate", "19700101")),
    ("ImageType", ["DERIVED", "SECONDARY"], lambda d: _set(d, "ImageType", ["DERIVED", "SECONDARY"])),
    ("SliceThickness", 2.5, lambda d: _set(d, "SliceThickness", "2.5")),
    ("SeriesNumber", -7, lambda d: _set(d, "SeriesNumber", "-7")),
    ("LossyImageCompression", "01", lambda d: _set(d, "LossyImageCompression", "01")),
    ("RecommendedDisplayFrameRateInFloat", 0.5, lambda d: _set(d, "RecommendedDisplayFrameRateInFloat", 0.5)),
    ("PixelPaddingValue", {"vr": "US", "value": 258}, lambda d: d.add_new("PixelPaddingValue", "US", 258)),
    ("FrameIncrementPointer", "(0018,1063)", lambda d: _set(d, "FrameIncrementPointer", 0x00181063)),
    ("PatientComments", "one\\two\r\nthree", lambda d: _set(d, "PatientComments", "one\\two\r\nthree")),
    ("RetrieveURI", "https://example.org/a", lambda d: _set(d, "RetrieveURI", "https://example.org/a")),
]


@pytest.mark.parametrize(("name", "value", "change"), SETTINGS, ids=lambda v: v if isinstance(v, str) else "")
def test_sets_an_element_and_nothing_else(tmp_path, path, name, value, change):
    edited = Edited(tmp_path, path, {"set": {name: value}})
    expected = _expected(path)
    change(expected)
    assert edited.read == expected
    assert edited.notes == {"set": 1}


def test_sets_elements_of_every_item_or_of_one(tmp_path, path):
    edited = Edited(
        tmp_path,
        path,
        {
            "set": {
                "RequestAttributesSequence.RequestedProcedureID": "NEW",
                "RequestAttributesSequence[1].ScheduledProcedureStepID": "S1",
                "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeMeaning": "Schädel",
                "ReferencedImageSequence.ReferencedSOPClassUID": "1.2",
                "ProcedureCodeSequence[0].CodeValue": "P1",
            }
        },
    )
    first, second = edited.read.RequestAttributesSequence
    assert (first.RequestedProcedureID, second.RequestedProcedureID) == ("NEW", "NEW")
    assert "ScheduledProcedureStepID" not in first
    assert second.ScheduledProcedureStepID == "S1"
    assert "ReferencedImageSequence" not in edited.read  # it has no item, so there is nothing to set
    assert edited.read.ProcedureCodeSequence[0].CodeValue == "P1"
    assert edited.notes == {"set": 4}  # the code meaning was that already


def test_removes_elements_items_included(tmp_path, path):
    edited = Edited(
        tmp_path,
        path,
        {
            "remove": [
                "PatientComments",
                "AccessionNumber",
                "ReferencedStudySequence",
                "RequestAttributesSequence[0].RequestedProcedureID",
                "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeMeaning",
            ]
        },
    )
    expected = _expected(path)
    del expected.PatientComments
    del expected.ReferencedStudySequence
    del expected.RequestAttributesSequence[0].RequestedProcedureID
    for item in expected.RequestAttributesSequence:
        del item.ScheduledProtocolCodeSequence[0].CodeMeaning
    assert edited.read == expected
    assert edited.notes == {"removed": 5}


def test_removes_all_private_elements_wherever_they_stand(tmp_path):
    path = make_object(tmp_path, rows=4)
    private = pydicom.dcmread(path)
    private.RequestAttributesSequence[0].private_block(0x0011, "DEEP", create=True).add_new(1, "LO", "x")
    private.save_as(path)
    expected = pydicom.dcmread(path)
    expected.remove_private_tags()
    edited = Edited(tmp_path, path, {"remove_private": True})
    assert edited.read == expected
    assert not [e for e in edited.read.iterall() if e.tag.is_private]


def test_removes_a_group_and_leaves_the_others(tmp_path, path):
    edited = Edited(tmp_path, path, {"remove": ["(0009,xxxx)"]})
    expected = _expected(path)
    for tag in [tag for tag in expected.keys() if tag.group == 0x0009]:  # noqa: SIM118 - a Dataset yields elements
        del expected[tag]
    assert edited.read == expected


def test_sets_private_elements_in_the_block_of_their_creator(tmp_path, path):
    edited = Edited(
        tmp_path,
        path,
        {
            "set": {
                "(0009,xx01,HILUM TEST)": {"vr": "LO", "value": "ours"},
                "(0011,xx01,NEW)": {"vr": "UL", "value": 7},
            }
        },
    )
    assert edited.read.private_block(0x0009, "HILUM TEST")[0x01].value in ("ours", b"ours")
    assert edited.read[0x00110010].value == "NEW"
    assert edited.read[0x00111001].value in (7, b"\7\0\0\0")  # implicit VR leaves it unknown


@pytest.mark.parametrize("encoding", ["implicit", "explicit", "big endian", "JPEG"])
def test_what_is_not_named_keeps_its_bytes(tmp_path, encoding):
    path = make_object(tmp_path, transfer_syntax_uid=TRANSFER_SYNTAXES[encoding])
    edited = Edited(tmp_path, path, {"set": {"AccessionNumber": "ABCD"}})
    before = data_set_bytes(path)
    at = next(n for n, (a, b) in enumerate(zip(before, edited.data_set, strict=False)) if a != b)
    added = len(edited.data_set) - len(before)
    assert added == 12  # eight bytes of header in every encoding, and the value
    assert edited.data_set[at + added :] == before[at:]


def test_what_is_so_already_changes_nothing(tmp_path, path):
    table = {
        "set": {"Modality": "CT", "InstitutionName": "Krankenhaus Süd"},
        "remove": ["AccessionNumber", "(0013,xxxx)"],
    }
    edited = Edited(tmp_path, path, table)
    assert not edited.changed
    assert edited.notes == {}
    assert edited.data_set == data_set_bytes(path)


@pytest.mark.parametrize(
    ("elements", "text"),
    [
        ({"SpecificCharacterSet": "ISO_IR 192"}, "山田^太郎"),
        ({"SpecificCharacterSet": "ISO_IR 144"}, "Иван"),
        ({"SpecificCharacterSet": "GB18030"}, "王^小东"),
    ],
)
def test_text_is_written_in_the_objects_character_set(tmp_path, elements, text):
    path = make_object(
        tmp_path, rows=4, elements={**elements, "InstitutionName": "X", "StudyDescription": "X"}
    )
    assert Edited(tmp_path, path, {"set": {"PatientName": text}}).read.PatientName == text


@pytest.mark.parametrize(
    ("elements", "table", "said"),
    [
        ({}, {"PatientName": "山田"}, "PatientName"),
        (
            {"SpecificCharacterSet": None, "InstitutionName": "", "StudyDescription": ""},
            {"InstitutionName": "Süd"},
            "InstitutionName",
        ),
        ({}, {"RequestAttributesSequence[7].RequestedProcedureID": "x"}, "RequestAttributesSequence[7]"),
        (
            {},
            {"AccessionNumber": "{PatientID}-{PatientID}"},
            "AccessionNumber: the new value does not fit: VR SH",
        ),
        ({}, {"StudyDate": "{PatientID}"}, "StudyDate: the new value does not fit: VR DA is a date"),
    ],
)
def test_what_an_object_cannot_take_is_a_permanent_error_that_names_the_setting(
    tmp_path, elements, table, said
):
    path = make_object(tmp_path, rows=4, elements=elements)
    with pytest.raises(PermanentError) as caught:
        Edited(tmp_path, path, {"set": table})
    assert str(caught.value).startswith(f"transforms.x.set.{said}")


def test_text_in_an_item_is_written_in_the_character_set_of_the_item(tmp_path):
    path = make_object(tmp_path, rows=4)
    data_set = pydicom.dcmread(path)
    data_set.RequestAttributesSequence[1].SpecificCharacterSet = "ISO_IR 192"
    data_set.save_as(path)
    edited = Edited(
        tmp_path, path, {"set": {"RequestAttributesSequence.RequestedProcedureDescription": "Süd"}}
    )
    encoded = [
        item.get_item("RequestedProcedureDescription").value for item in edited.read.RequestAttributesSequence
    ]
    assert encoded == ["Süd ".encode("latin-1"), "Süd".encode()]


def test_variables_stand_for_what_the_object_said_before_any_change(tmp_path, path):
    edited = Edited(
        tmp_path,
        path,
        {
            "set": {
                "PatientID": "{calling_ae}/{PatientID}",
                "AccessionNumber": "{Modality}{{{SeriesNumber}}}",
                "StudyID": "{PatientID}",
                "AdmissionID": "{PatientComments}{AdmissionID}",
                "ContentDate": "{received_date}",
                "RequestAttributesSequence.RequestedProcedureID": "{RequestAttributesSequence[1]."
                "RequestedProcedureID}",
            },
            "remove": ["PatientComments"],
        },
    )
    before = _expected(path)
    instance = instance_from(path)
    assert edited.read.PatientID == f"{instance.association.calling_ae}/{before.PatientID}"
    assert edited.read.StudyID == before.PatientID
    assert edited.read.AccessionNumber == f"{before.Modality}{{{before.SeriesNumber}}}"
    assert edited.read.AdmissionID == before.PatientComments
    assert edited.read.ContentDate == f"{instance.received_at:%Y%m%d}"
    wanted = before.RequestAttributesSequence[1].RequestedProcedureID
    assert {item.RequestedProcedureID for item in edited.read.RequestAttributesSequence} == {wanted}


def test_copies_and_renames(tmp_path, path):
    edited = Edited(
        tmp_path,
        path,
        {
            "copy": {
                "AdmissionID": "PatientID",
                "(0011,xx10,OURS)": "PatientName",
                "ImageComments": "EthnicGroup",
                "RequestAttributesSequence.ScheduledProcedureStepDescription": "InstitutionName",
            },
            "rename": {"DerivationDescription": "PatientComments", "AcquisitionDate": "StudyDate"},
            "remove": ["PatientID"],
        },
    )
    before = _expected(path)
    assert "PatientID" not in edited.read
    assert edited.read.AdmissionID == before.PatientID
    assert (
        edited.read.get_item((0x0011, 0x1010)).value.strip() == before.get_item("PatientName").value.strip()
    )
    assert "ImageComments" not in edited.read  # there was nothing to copy
    steps = {item.ScheduledProcedureStepDescription for item in edited.read.RequestAttributesSequence}
    assert steps == {before.InstitutionName}
    assert edited.read.DerivationDescription == before.PatientComments
    assert "PatientComments" not in edited.read
    assert edited.read.AcquisitionDate == before.StudyDate
    assert "StudyDate" not in edited.read
    assert edited.notes == {"copied": 4, "renamed": 4, "removed": 1}


def test_a_copy_that_does_not_fit_is_a_permanent_error(tmp_path):
    path = make_object(tmp_path, rows=4)
    for table, said in (
        (
            {"StudyDate": "PatientID"},
            "transforms.x.copy.StudyDate: the new value does not fit: VR DA is a date",
        ),
        (
            {"PatientID": "SmallestImagePixelValue"},
            "transforms.x.copy.PatientID: SmallestImagePixelValue has VR US",
        ),
    ):
        data_set = pydicom.dcmread(path)
        data_set.add_new("SmallestImagePixelValue", "US", 1)
        data_set.save_as(path)
        with pytest.raises(PermanentError) as caught:
            Edited(tmp_path, path, {"copy": table})
        assert str(caught.value).startswith(said)
        assert data_set.PatientID not in str(caught.value)


def test_replaces_and_prefixes_each_value(tmp_path, path):
    edited = Edited(
        tmp_path,
        path,
        {
            "replace": {
                "InstitutionName": {"pattern": "(Kranken)haus", "with": r"\1-H"},
                "ImageType": {"pattern": "^ORIG.*"},
                "StationName": {"pattern": "no such text", "with": "x"},
            },
            "prefix": {"PatientID": "H1-", "AccessionNumber": "{Modality}-", "OtherPatientNames": "X"},
        },
    )
    before = _expected(path)
    assert edited.read.InstitutionName == before.InstitutionName.replace("Krankenhaus", "Kranken-H")
    assert list(edited.read.ImageType) == ["", *list(before.ImageType)[1:]]
    assert edited.read.PatientID == f"H1-{before.PatientID}"
    assert edited.read.get("AccessionNumber", "") == before.get("AccessionNumber", "")  # it is empty
    assert "OtherPatientNames" not in edited.read
    assert edited.notes == {"replaced": 2, "prefixed": 1}


def test_a_pattern_that_never_ends_is_cut_off(tmp_path):
    path = make_object(tmp_path, rows=4, elements={"PatientComments": "a" * 40 + "!"})
    with pytest.raises(PermanentError) as caught:
        Edited(tmp_path, path, {"replace": {"PatientComments": {"pattern": "(a|aa|a?)+$", "with": ""}}})
    assert "the pattern takes longer than 1 s" in str(caught.value)
    assert "aaaa" not in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("ISO_IR 100", "Süd"),
        ("ISO_IR 144", "Иван"),
        (["", "ISO 2022 IR 87"], "山田"),
        (["", "ISO 2022 IR 149"], "김희중"),
        ("GB18030", "王小东"),
        ("ISO_IR 192", "山田"),
    ],
    ids=str,
)
def test_converts_all_texts_to_utf_8(tmp_path, declared, written):
    path = make_object(
        tmp_path,
        rows=4,
        elements={"SpecificCharacterSet": declared, "InstitutionName": written, "StudyDescription": written},
    )
    data_set = pydicom.dcmread(path)
    data_set.PatientName = f"Yamada^Tarou={written}"
    inner = data_set.RequestAttributesSequence[0]
    inner.SpecificCharacterSet = "ISO_IR 100"
    inner.RequestedProcedureDescription = "Schädel"
    for item in data_set.RequestAttributesSequence:
        for code in item.get("ScheduledProtocolCodeSequence", ()):
            code.CodeMeaning = "plain"
    data_set.save_as(path)
    edited = Edited(tmp_path, path, {"character_set": "utf-8"})
    assert edited.read.SpecificCharacterSet == "ISO_IR 192"
    assert edited.read.InstitutionName == written
    assert str(edited.read.PatientName) == f"Yamada^Tarou={written}"
    assert written.encode() in edited.data_set
    assert "SpecificCharacterSet" not in edited.read.RequestAttributesSequence[0]
    assert edited.read.RequestAttributesSequence[0].RequestedProcedureDescription == "Schädel"


def test_text_that_cannot_be_read_is_held_not_guessed(tmp_path):
    path = make_object(
        tmp_path,
        rows=4,
        elements={"SpecificCharacterSet": None, "InstitutionName": "", "StudyDescription": ""},
    )
    data_set = pydicom.dcmread(path)
    data_set.add_new("PatientComments", "LT", "Süd".encode("latin-1"))
    data_set.save_as(path)
    transform = EditTransform(structure({"character_set": "utf-8"}, EditConfig), FakeContext(tmp_path))
    with draft_from(path) as draft:
        held = transform.apply(draft)
        assert not draft.changed
    assert isinstance(held, Hold)
    assert held.code == "undecodable"
    assert held.reason.startswith(
        "PatientName, PatientComments, CodeMeaning: cannot be read in the character set"
    )
