"""What an edit does to an object: looked at with pydicom, and at the bytes of what it leaves alone."""

import io

import pydicom
import pytest

from hilum_sdk import PermanentError
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
                "(0009,1001)": {"vr": "LO", "value": "ours", "creator": "HILUM TEST"},
                "(0011,2001)": {"vr": "UL", "value": 7, "creator": "NEW"},
            }
        },
    )
    assert edited.read.private_block(0x0009, "HILUM TEST")[0x01].value in ("ours", b"ours")
    assert edited.read[0x00110020].value == "NEW"
    assert edited.read[0x00112001].value in (7, b"\7\0\0\0")  # implicit VR leaves it unknown


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
            {"(0009,1001)": {"vr": "LO", "value": "x", "creator": "SOMEBODY ELSE"}},
            "(0009,1001): its block belongs to another private creator; choose another block",
        ),
    ],
)
def test_what_an_object_cannot_take_is_a_permanent_error_that_names_the_setting(
    tmp_path, elements, table, said
):
    path = make_object(tmp_path, rows=4, elements=elements)
    with pytest.raises(PermanentError) as caught:
        Edited(tmp_path, path, {"set": table})
    assert str(caught.value).startswith(f"transforms.x.set.{said}")


def test_text_beyond_ascii_in_an_item_with_a_character_set_of_its_own_is_refused(tmp_path):
    path = make_object(tmp_path, rows=4)
    data_set = pydicom.dcmread(path)
    data_set.RequestAttributesSequence[1].SpecificCharacterSet = "ISO_IR 192"
    data_set.save_as(path)
    with pytest.raises(PermanentError) as caught:
        Edited(tmp_path, path, {"set": {"RequestAttributesSequence.RequestedProcedureDescription": "Süd"}})
    assert "its item has a character set of its own; only ASCII can be set there" in str(caught.value)
    plain = Edited(tmp_path, path, {"set": {"RequestAttributesSequence.RequestedProcedureDescription": "A"}})
    assert plain.notes == {"set": 2}
