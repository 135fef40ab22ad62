"""What matches: each condition against elements as they come in files of every encoding."""

import attrs
import pytest
from pydicom.dataset import Dataset

from hilum_filter_tags.config import TagsConfig
from hilum_filter_tags.filter import TagsFilter
from hilum_sdk.config import structure
from hilum_sdk.testing import TRANSFER_SYNTAXES, FakeContext, header_from, instance_from, make_object


@pytest.fixture(scope="module", params=TRANSFER_SYNTAXES.values(), ids=TRANSFER_SYNTAXES)
def path(request, tmp_path_factory):
    return _object(tmp_path_factory.mktemp("objects"), request.param)


def _object(folder, transfer_syntax_uid=TRANSFER_SYNTAXES["explicit"], **elements):
    return make_object(folder, transfer_syntax_uid=transfer_syntax_uid, rows=4, elements=elements)


def _filter(tmp_path, **table):
    return TagsFilter(structure(table, TagsConfig), FakeContext(tmp_path))


def _matches(tmp_path, path, where):
    component = _filter(tmp_path, where=where)
    return component.matches(header_from(path, needs=component.needs), instance_from(path))


MATCHING = [
    {"Modality": "CT"},
    {"Modality": ["MR", "CT"]},
    {"(0008,0060)": "CT"},
    {"Modality": {"not": ["MR", "US"]}},
    {"StationName": {"starts_with": "ER"}},
    {"StationName": {"starts_with": ["XX", "er"], "ignore_case": True}},
    {"StationName": {"contains": "CT", "starts_with": "ER"}},
    {"InstitutionName": "Krankenhaus Süd"},
    {"InstitutionName": {"equals": "KRANKENHAUS SÜD", "ignore_case": True}},
    {"InstitutionName": {"not": {"starts_with": "krankenhaus"}}},
    {"InstitutionName": {"not": {"starts_with": "charité"}, "ignore_case": True}},
    {"ImageType": "PRIMARY"},
    {"ImageType": {"not": "DERIVED"}},
    {"SliceThickness": 1.25},
    {"SliceThickness": "1.250"},
    {"SliceThickness": ["2", 1.25]},
    {"SeriesNumber": 3},
    {"SeriesNumber": "3"},
    {"Rows": 4},
    {"Rows": {"not": 5}},
    {"PatientComments": {"exists": True}},
    {"AccessionNumber": {"exists": False}},
    {"AccessionNumber": {"not": "A1"}},
    {"AccessionNumber": {"not": {"exists": True}}},
    {"RequestAttributesSequence.RequestedProcedureID": "RP2"},
    {"RequestAttributesSequence[1].RequestedProcedureID": "RP2"},
    {"RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeMeaning": "Schädel"},
    {"RequestAttributesSequence": {"exists": True}},
    {
        "RequestAttributesSequence": {
            "RequestedProcedureID": "RP1",
            "ScheduledProtocolCodeSequence.CodeValue": "CT-1",
        }
    },
    {"(0009,1001)": "planted private"},
    {"(0009,1003)": {"exists": True}},
    {"(0009,1003).(0009,1001)": {"starts_with": "planted"}},
    {"SOPClassUID": "CTImageStorage"},
    {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"},
]


@pytest.mark.parametrize("where", MATCHING, ids=str)
def test_matches(tmp_path, path, where):
    assert _matches(tmp_path, path, where)


NOT_MATCHING = [
    {"Modality": "MR"},
    {"Modality": "ct"},
    {"Modality": {"equals": "CT", "not": "CT"}},
    {"Modality": "CT", "StationName": "X"},
    {"StationName": {"starts_with": "er"}},
    {"StationName": {"starts_with": "ER", "contains": "X"}},
    {"ImageType": {"not": "PRIMARY"}},
    {"ImageType": {"starts_with": "PRI", "contains": "AXIAL"}},
    {"SeriesNumber": 4},
    {"AccessionNumber": {"exists": True}},
    {"AccessionNumber": {"starts_with": "A"}},
    {"RequestAttributesSequence[0].RequestedProcedureID": "RP2"},
    {"RequestAttributesSequence[7].RequestedProcedureID": {"exists": True}},
    {
        "RequestAttributesSequence": {
            "RequestedProcedureID": "RP1",
            "ScheduledProtocolCodeSequence.CodeValue": "CT-2",
        }
    },
    {"ReferencedImageSequence": {"exists": True}},
    {"(0009,1001)": "other"},
    {"SOPClassUID": "MRImageStorage"},
]


@pytest.mark.parametrize("where", NOT_MATCHING, ids=str)
def test_does_not_match(tmp_path, path, where):
    assert not _matches(tmp_path, path, where)


@pytest.mark.parametrize(
    ("element", "where"),
    [
        ({"AccessionNumber": ""}, {"AccessionNumber": {"exists": False}}),
        ({"AccessionNumber": "   "}, {"AccessionNumber": {"exists": False}}),
        ({"PatientName": "DOE^JOHN^^"}, {"PatientName": "DOE^JOHN"}),
        ({"SpecificCharacterSet": "ISO_IR 192", "PatientName": "山田^太郎"}, {"PatientName": "山田^太郎"}),
        (
            {"SpecificCharacterSet": "GB18030", "StudyDescription": "誠\u5ba2"},
            {"StudyDescription": "誠\u5ba2"},
        ),
        (
            {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎"},
            {"PatientName": {"contains": "山田"}},
        ),
        ({"PatientName": "STRASSE"}, {"PatientName": {"equals": "Straße", "ignore_case": True}}),
        ({"SliceThickness": "5.0"}, {"SliceThickness": 5}),
        ({"SeriesNumber": "007"}, {"SeriesNumber": 7}),
        ({"SeriesNumber": "-1"}, {"SeriesNumber": -1}),
        ({"PatientID": "007"}, {"PatientID": {"not": "7"}}),
        ({"RescaleSlope": "1e1"}, {"RescaleSlope": 10}),
        ({"ExposureTimeInms": 0.1}, {"ExposureTimeInms": 0.1}),  # FD
        (
            {"BeamOrderIndexTrial": None, "RecommendedDisplayFrameRateInFloat": 0.1},
            {"RecommendedDisplayFrameRateInFloat": 0.1},
        ),
        ({"FrameIncrementPointer": 0x00181063}, {"FrameIncrementPointer": "(0018,1063)"}),
        ({"PatientComments": "one\\two"}, {"PatientComments": {"contains": "e\\t"}}),
    ],
    ids=str,
)
def test_matches_what_the_value_means(tmp_path, element, where):
    assert _matches(tmp_path, _object(tmp_path, **element), where)


def test_what_another_filter_has_made_pydicom_decode_matches_alike(tmp_path, path):
    for where in MATCHING:
        component = _filter(tmp_path, where=where)
        header = header_from(path)
        for _ in header.iterall():
            pass
        assert component.matches(header, instance_from(path)), where


def test_a_text_of_an_implicit_private_element_is_decoded_by_the_objects_character_set(tmp_path):
    path = _object(tmp_path, TRANSFER_SYNTAXES["implicit"])
    header = header_from(path)
    header.add_new(0x00091001, "UN", "Süd".encode("latin-1"))
    assert _filter(tmp_path, where={"(0009,1001)": "Süd"}).matches(header, instance_from(path))


def test_needs_are_the_top_level_tags_and_the_character_set(tmp_path):
    where = {
        "Modality": "CT",
        "RequestAttributesSequence.ScheduledProtocolCodeSequence.CodeValue": "X",
        "SOPClassUID": "CTImageStorage",
        "TransferSyntaxUID": "ExplicitVRLittleEndian",
    }
    assert _filter(tmp_path, where=where).needs == {0x00080005, 0x00080060, 0x00400275}


def test_needs_nothing_of_the_header_for_what_came_with_the_command(tmp_path):
    assert _filter(tmp_path, where={"TransferSyntaxUID": "JPEGBaseline8Bit"}).needs == set()
    assert _filter(tmp_path, association={"calling_ae": "CT1"}).needs == set()


def test_the_transfer_syntax_is_that_of_the_object(tmp_path, path):
    instance = instance_from(path)
    component = _filter(tmp_path, where={"TransferSyntaxUID": ["JPEGBaseline8Bit", "1.2.840.10008.1.2"]})
    expected = instance.transfer_syntax_uid in {TRANSFER_SYNTAXES["JPEG"], TRANSFER_SYNTAXES["implicit"]}
    assert component.matches(Dataset(), instance) is expected


@pytest.mark.parametrize(
    ("facts", "condition", "expected"),
    [
        ({"calling_ae": "CT1"}, {"calling_ae": "CT1"}, True),
        ({"calling_ae": "CT1"}, {"calling_ae": ["CT2", "CT3"]}, False),
        ({"calling_ae": "CT1"}, {"calling_ae": {"starts_with": "ct", "ignore_case": True}}, True),
        ({"called_ae": "HILUM"}, {"called_ae": {"not": "HILUM"}}, False),
        ({"address": "10.1.20.5"}, {"address": "10.1.0.0/16"}, True),
        ({"address": "10.2.20.5"}, {"address": "10.1.0.0/16"}, False),
        ({"address": "10.1.20.5"}, {"address": ["10.1.20.4", "10.1.20.5"]}, True),
        ({"address": "::ffff:10.1.20.5"}, {"address": "10.1.20.5"}, True),
        ({"address": "fe80::1%eth0"}, {"address": "fe80::/10"}, True),
        ({"address": "2001:db8::1"}, {"address": "10.0.0.0/8"}, False),
        ({"address": ""}, {"address": {"not": "10.0.0.0/8"}}, True),
        ({"address": "nonsense"}, {"address": "10.0.0.0/8"}, False),
        ({"peer": "ct1"}, {"peer": "ct1"}, True),
        ({"peer": None}, {"peer": {"exists": False}}, True),
        ({"user": "ann"}, {"user": ["ann", "bob"]}, True),
        ({"tls_subject": "CN=ct1,O=Clinic"}, {"tls_subject": {"contains": "CN=ct1"}}, True),
    ],
    ids=str,
)
def test_facts_of_the_association(tmp_path, facts, condition, expected):
    path = _object(tmp_path)
    instance = instance_from(path)
    instance = attrs.evolve(instance, association=attrs.evolve(instance.association, **facts))
    assert _filter(tmp_path, association=condition).matches(Dataset(), instance) is expected


def test_explains_what_does_not_hold_with_the_values(tmp_path):
    component = _filter(
        tmp_path,
        where={
            "Modality": ["MR", "US"],
            "StationName": {"starts_with": "ER"},
            "SeriesNumber": {"not": 3},
            "AccessionNumber": {"exists": True},
        },
        association={"calling_ae": "CT9"},
    )
    path = _object(tmp_path)
    assert component.explain(header_from(path), instance_from(path)) == (
        "does not match: calling_ae is 'MODALITY', wanted 'CT9'; Modality is 'CT', wanted 'MR' or 'US'; "
        "SeriesNumber is '3', wanted not ('3'); AccessionNumber is missing or empty, wanted a value"
    )


def test_explains_what_holds(tmp_path):
    component = _filter(
        tmp_path,
        where={"Modality": "CT", "RequestAttributesSequence": {"RequestedProcedureID": "RP1"}},
    )
    path = _object(tmp_path)
    assert component.explain(header_from(path), instance_from(path)) == (
        "matches: Modality is 'CT', wanted 'CT'; RequestAttributesSequence has "
        "[0] RequestedProcedureID is 'RP1', wanted 'RP1'; [1] RequestedProcedureID is 'RP2', wanted 'RP1'"
    )


def test_explains_long_and_many_values_in_short(tmp_path):
    path = _object(tmp_path, StudyDescription="x" * 64 + "yy", ImageType=[f"V{n}" for n in range(9)])
    component = _filter(tmp_path, where={"StudyDescription": "a", "ImageType": "b"})
    said = component.explain(header_from(path), instance_from(path))
    assert "'" + "x" * 64 + "…'" in said
    assert "'V0', 'V1', 'V2', 'V3', 'V4' and 4 more" in said
