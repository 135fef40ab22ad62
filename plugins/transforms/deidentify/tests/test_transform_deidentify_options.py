"""What the profile and each option do, beyond that nothing is left."""

from __future__ import annotations

import struct

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from hilum_transform_deidentify.marks import METHOD_TEXT
from hilum_transform_deidentify.options import METHODS, Option

from .conftest import BIG_ENDIAN, CT, EXPLICIT, IMPLICIT, encoded

PRESENTATION = "1.2.840.10008.5.1.4.1.1.11.1"
SR = "1.2.840.10008.5.1.4.1.1.88.33"
BASIC_SR = "1.2.840.10008.5.1.4.1.1.88.11"


def item(**elements) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def an_object(**elements) -> Dataset:
    base = {
        "SOPClassUID": CT,
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.1",
        "PatientID": "4711",
        "PatientName": "Doe^Jane",
    }
    return item(**base | elements)


# ---- identities


def test_uids_are_replaced_alike_wherever_they_stand(deidentify):
    data_set = an_object(
        FrameOfReferenceUID="1.2.3",
        SOPInstanceUIDOfConcatenationSource="1.2.3",
        VolumeFrameOfReferenceUID="1.2.3",
        ReferencedSeriesSequence=[
            item(SeriesInstanceUID="1.2.3 "),
            item(MultiFrameSourceSOPInstanceUID="1.2.3"),
        ],
        SelectorUIValue=["1.2.3", "1.2.840.10008.1.1"],
    )
    data_set.add_new(0x00230012, "UI", "1.2.3")
    read = deidentify(data_set).read
    new = read.StudyInstanceUID
    assert new.startswith("2.25.")
    assert new != "1.2.3"
    assert {
        read.FrameOfReferenceUID,
        read.SOPInstanceUIDOfConcatenationSource,
        read.VolumeFrameOfReferenceUID,
        read.ReferencedSeriesSequence[0].SeriesInstanceUID,
        read.ReferencedSeriesSequence[1].MultiFrameSourceSOPInstanceUID,
    } == {new}
    assert read.SelectorUIValue == [new, "1.2.840.10008.1.1"]


def test_uids_in_un_are_replaced_where_the_dictionary_says_that_they_are(deidentify):
    body = encoded(an_object()) + struct.pack("<HH2sHL", 0x0020, 0x0242, b"UN", 0, 6) + b"1.2.3\0"
    assert deidentify(body).read[0x00200242].value == deidentify(body).read.StudyInstanceUID


def test_uids_of_classes_and_coding_schemes_stay(deidentify):
    data_set = an_object(
        RelatedGeneralSOPClassUID="1.3.6.1.4.1.1.1",
        ReferencedSeriesSequence=[
            item(ReferencedSOPClassUID="1.3.6.1.4.1.1.1", CodingSchemeUID="1.3.6.1.4.1.1.2")
        ],
    )
    read = deidentify(data_set).read
    assert read.SOPClassUID == CT
    assert read.RelatedGeneralSOPClassUID == "1.3.6.1.4.1.1.1"
    assert read.ReferencedSeriesSequence[0] == data_set.ReferencedSeriesSequence[0]


def test_uids_stay_where_they_are_retained(deidentify):
    data_set = an_object(
        VolumeFrameOfReferenceUID="1.2.3.9",
        ReferencedImageSequence=[item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID="1.2.3.8")],
    )
    read = deidentify(data_set, retain=["uids"]).read
    for keyword in (
        "SOPInstanceUID",
        "StudyInstanceUID",
        "VolumeFrameOfReferenceUID",
        "ReferencedImageSequence",
    ):
        assert read[keyword] == data_set[keyword], keyword


def test_a_subject_gets_a_code_for_name_and_id(deidentify):
    first, second = deidentify(an_object()).read, deidentify(an_object(StudyInstanceUID="1.2.99")).read
    other = deidentify(an_object(PatientID="4712")).read
    assert len(first.PatientID) == 16
    assert first.PatientID == str(first.PatientName) == second.PatientID
    assert first.PatientID != other.PatientID


def test_an_object_without_a_patient_id_gets_one(deidentify):
    without = an_object()
    del without.PatientID
    made = deidentify(without).read
    assert made.PatientID == deidentify(an_object(PatientID="")).read.PatientID
    palette = item(SOPClassUID="1.2.840.10008.5.1.4.39.1", SOPInstanceUID="1.2.3")
    assert "PatientID" not in deidentify(palette, sop_class_uid="1.2.840.10008.5.1.4.39.1").read


def test_other_patients_get_no_code(deidentify):
    read = deidentify(
        an_object(ReferencedSeriesSequence=[item(PatientID="9", PatientName="Doe^Mother")])
    ).read
    assert read.ReferencedSeriesSequence[0] == item(PatientID="", PatientName="")


# ---- types


def test_an_attribute_that_the_iod_wants_is_not_removed(deidentify):
    wanted = item(PresentationCreationDate="20200101", PresentationCreationTime="101010")
    state = an_object(SOPClassUID=PRESENTATION)
    state.update(wanted)
    read = deidentify(state, sop_class_uid=PRESENTATION).read
    assert (read.PresentationCreationDate, read.PresentationCreationTime) == ("19000101", "000000")
    image = an_object()
    image.update(wanted)
    assert "PresentationCreationDate" not in deidentify(image).read


def test_combined_codes_go_by_the_type_in_the_iod(deidentify):
    data_set = an_object(
        StudyDate="20200101",  # Z, type 2
        AcquisitionDateTime="20200101101010",  # X/Z/D, type 3 in CT
        SeriesDate="20200101",  # X/D, type 3
        ContentDate="20200101",  # Z/D, type 2C of images
        OperatorsName="Doe^Op",  # X/Z/D, type 3
        ReferencedImageSequence=[item(ReferencedSOPInstanceUID="1.2.3")],  # X/Z/U*, type 3
    )
    read = deidentify(data_set).read
    assert read.StudyDate == ""
    assert read.ContentDate == ""
    for keyword in ("AcquisitionDateTime", "SeriesDate", "OperatorsName"):
        assert keyword not in read, keyword
    data_set.SOPClassUID = "1.2.3.4"
    unknown = deidentify(data_set, sop_class_uid="1.2.3.4").read
    assert unknown.AcquisitionDateTime == "19000101000000"
    assert unknown.ReferencedImageSequence[0].ReferencedSOPInstanceUID == unknown.StudyInstanceUID
    data_set.SOPClassUID, data_set.ContentTime = SR, "101010"
    report = deidentify(data_set, sop_class_uid=SR).read
    assert (report.ContentDate, report.ContentTime) == ("19000101", "000000")  # type 1 there


def test_a_sequence_that_is_replaced_gets_a_valid_item(deidentify):
    content = item(ValueType="TEXT", TextValue="Jane Doe", RelationshipType="CONTAINS")
    observer = item(VerifyingObserverName="Doe^V", VerifyingOrganization="Clinic")
    report = an_object(
        SOPClassUID=SR,
        ContentSequence=[content, content],
        VerifyingObserverSequence=[observer],
        GraphicAnnotationSequence=[item(GraphicLayer="A")],
    )
    read = deidentify(report, sop_class_uid=SR).read
    (found,) = read.ContentSequence
    assert (found.ValueType, found.TextValue, found.ConceptNameCodeSequence[0].CodeValue) == (
        "TEXT",
        "REMOVED",
        "121106",
    )
    assert read.VerifyingObserverSequence[0].VerifyingObserverName == "REMOVED"
    assert read.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue == "REMOVED"
    empty = deidentify(an_object(SOPClassUID=SR, VerifyingObserverSequence=[]), sop_class_uid=SR).read
    assert len(empty.VerifyingObserverSequence) == 0


# ---- places


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_overlays_curves_icons_and_what_stands_behind_the_pixels_go(deidentify, syntax):
    data_set = an_object(
        IconImageSequence=[item(Rows=1, PixelData=b"PLANTED!")], Rows=1, Columns=1, BitsAllocated=16
    )
    data_set["IconImageSequence"].value[0]["PixelData"].VR = "OW"
    data_set.PixelData = b"\1\2"
    data_set["PixelData"].VR = "OW"
    data_set.add_new(0x50000010, "US", 1)
    data_set.add_new(0x60020010, "US", 512)
    data_set.add_new(0x60020022, "LO", "PLANTED")
    data_set.add_new(0x60023000, "OW", b"PLANTED!")
    data_set.add_new(0x7FE10010, "LO", "ACME")
    data_set.add_new(0x7FE11001, "LO", "PLANTED")
    data_set.add_new(0xFFFCFFFC, "OB", b"PLANTED!")
    result = deidentify(data_set, syntax)
    assert b"PLANTED" not in result.data_set
    assert b"ACME" not in result.data_set
    groups = {element.tag.group for element in result.read}
    assert not groups & {0x5000, 0x6002, 0x7FE1, 0xFFFC}
    assert result.read.PixelData == b"\1\2"


def test_sequences_that_hide_in_un_of_undefined_length_are_cleaned(deidentify):
    inner = encoded(item(PatientComments="PLANTED", CodeValue="STAYS"), IMPLICIT)
    hidden = (
        struct.pack("<HH2sHL", 0x0008, 0x1115, b"UN", 0, 0xFFFFFFFF)
        + struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
        + inner
        + struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    )
    result = deidentify(encoded(an_object()) + hidden)
    assert b"PLANTED" not in result.data_set
    assert b"STAYS" in result.data_set


def test_what_no_dictionary_knows_goes_if_it_can_be_text(deidentify):
    data_set = an_object()
    data_set.add_new(0x00081FF0, "LO", "PLANTED")
    data_set.add_new(0x00081FF2, "UN", b"PLANTED!")
    data_set.add_new(0x00081FF4, "US", 7)
    data_set.add_new(0x00081FF6, "UI", "1.2.3")
    data_set.add_new(0x00081FF8, "SQ", Sequence([item(PatientComments="PLANTED", CodeValue="STAYS")]))
    result = deidentify(data_set)
    assert b"PLANTED" not in result.data_set
    assert result.read[0x00081FF4].value == 7
    assert result.read[0x00081FF6].value == result.read.StudyInstanceUID
    assert b"STAYS" in result.data_set


def test_directory_groups_go_and_directories_are_held(deidentify):
    data_set = an_object()
    data_set.add_new(0x00041500, "CS", ["DOE", "JANE"])
    assert b"DOE" not in deidentify(data_set).data_set
    verdict = deidentify(an_object(), sop_class_uid=CT).verdict
    assert verdict is None
    directory = item(SOPClassUID="1.2.840.10008.1.3.10", SOPInstanceUID="1.2")
    assert "DICOMDIR" in deidentify(directory).verdict.reason


# ---- dates and ages

DATES = {
    "StudyDate": "20200301",
    "SeriesDate": "20200302",
    "StudyTime": "101112",
    "AcquisitionDateTime": "20200301101112.5+0100",
    "TimezoneOffsetFromUTC": "+0100",
    "PatientBirthDate": "19700101",
    "ContentDate": "202003",
}


def test_dates_go_without_an_option(deidentify):
    result = deidentify(an_object(**DATES))
    assert not [value for value in DATES.values() if value.encode() in result.data_set]
    assert result.read.LongitudinalTemporalInformationModified == "REMOVED"


def test_dates_stay_in_full(deidentify):
    read = deidentify(an_object(**DATES), retain=["longitudinal-full-dates"]).read
    for keyword in DATES.keys() - {"PatientBirthDate"}:
        assert read[keyword].value == DATES[keyword]
    assert read.PatientBirthDate == ""
    assert read.LongitudinalTemporalInformationModified == "UNMODIFIED"


def test_dates_go_back_by_the_same_number_of_days(deidentify):
    read = deidentify(an_object(**DATES), retain=["longitudinal-modified-dates"], most_days=1).read
    assert (read.StudyDate, read.SeriesDate) == ("20200229", "20200301")
    assert read.AcquisitionDateTime == "20200229101112.5+0100"
    assert (read.StudyTime, read.TimezoneOffsetFromUTC) == ("101112", "+0100")
    assert read.PatientBirthDate == ""
    assert read.ContentDate == ""  # it is not whole
    assert read.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize(
    ("age", "kept"), [("042Y", "042Y"), ("090Y", "090Y"), ("093Y", "090Y"), ("006M", "006M")]
)
def test_patient_characteristics_stay_and_ages_are_capped(deidentify, age, kept):
    data_set = an_object(
        PatientAge=age, PatientSex="F", PatientSize="1.7", Allergies="nuts", PatientBirthDate="19300101"
    )
    read = deidentify(data_set, retain=["patient-characteristics"]).read
    assert (read.PatientAge, read.PatientSex, read.PatientSize) == (kept, "F", "1.7")
    assert "Allergies" not in read  # it would have to be cleaned
    assert read.PatientBirthDate == ""
    plain = deidentify(data_set).read
    assert "PatientAge" not in plain
    assert "PatientSize" not in plain


def test_device_and_institution_stay_where_asked(deidentify):
    data_set = an_object(
        DeviceSerialNumber="SN1",
        StationName="CT1",
        StationAETitle="AE1",
        InstitutionName="Clinic",
        InstitutionAddress="Street",
    )
    device = deidentify(data_set, retain=["device-identity"])
    assert (device.read.DeviceSerialNumber, device.read.StationName) == ("SN1", "CT1")
    assert "InstitutionName" not in device.read
    assert "StationAETitle" not in device.read
    assert device.notes["kept devices"] == 2
    institution = deidentify(data_set, retain=["institution-identity"]).read
    assert (institution.InstitutionName, institution.InstitutionAddress) == ("Clinic", "Street")
    assert "DeviceSerialNumber" not in institution


# ---- content and graphics


def content(code: str, scheme: str = "DCM", **elements) -> Dataset:
    return item(
        RelationshipType="CONTAINS",
        ConceptNameCodeSequence=[item(CodeValue=code, CodingSchemeDesignator=scheme, CodeMeaning="meaning")],
        **elements,
    )


def a_report(*items: Dataset) -> Dataset:
    return an_object(
        SOPClassUID=SR,
        ContentSequence=[content("126000", ValueType="CONTAINER", ContentSequence=list(items))],
    )


def cleaned(deidentify, *items: Dataset, **settings):
    result = deidentify(a_report(*items), sop_class_uid=SR, clean=["structured-content"], **settings)
    return list(result.read.ContentSequence[0].ContentSequence)


def test_content_items_go_by_what_they_are_about(deidentify):
    length = content("410668003", "SCT", ValueType="NUM", MeasuredValueSequence=[item(NumericValue="3.5")])
    found = cleaned(
        deidentify,
        content("121022", ValueType="TEXT", TextValue="PLANTED"),  # Accession Number: X
        content("121032", ValueType="CODE"),  # Subject Sex: X
        length,
        content("121029", ValueType="PNAME", PersonName="Planted^X"),  # Subject Name: D
        content("99001", "99TEST", ValueType="TEXT", TextValue="PLANTED"),  # not in the table
        content("110180", ValueType="UIDREF", UID="1.2.3"),  # Study Instance UID: D
    )
    assert [each.ConceptNameCodeSequence[0].CodeValue for each in found] == [
        "410668003",
        "121029",
        "99001",
        "110180",
    ]
    assert found[0] == length
    assert found[1].PersonName == "REMOVED"
    assert found[2].TextValue == "REMOVED"
    assert deidentify(an_object()).read.StudyInstanceUID == found[3].UID


def test_options_keep_content_items(deidentify):
    items = [
        content("121033", ValueType="NUM", MeasuredValueSequence=[item(NumericValue="95")]),  # Subject Age
        content("121032", ValueType="CODE", ConceptCodeSequence=[item(CodeValue="F")]),
        content("113880", ValueType="TEXT", TextValue="SN1"),  # Device Serial Number
        content("126201", ValueType="DATE", Date="20200301"),  # Acquisition Date
        content("121028", ValueType="UIDREF", UID="1.2.3"),  # Subject UID
    ]
    retain = ["patient-characteristics", "device-identity", "longitudinal-modified-dates", "uids"]
    sex, serial, date, uid = cleaned(deidentify, *items, retain=retain, most_days=1)
    assert sex.ConceptCodeSequence[0].CodeValue == "F"
    assert serial.TextValue == "SN1"
    assert date.Date == "20200229"
    assert uid.UID == "1.2.3"


def test_items_stay_where_others_count_on_their_place(deidentify):
    reference = item(RelationshipType="INFERRED FROM", ReferencedContentItemIdentifier=[1, 1, 2])
    gone = content("121022", ValueType="TEXT", TextValue="PLANTED")
    found = cleaned(
        deidentify,
        gone,
        content("121106", ValueType="TEXT", TextValue="PLANTED", ContentSequence=[reference]),
    )
    assert [each.TextValue for each in found] == ["REMOVED", "REMOVED"]


def test_graphics_stay_and_their_texts_go(deidentify):
    graphic = item(GraphicDimensions=2, GraphicData=[1.0, 2.0, 3.0, 4.0], GraphicType="POLYLINE")
    annotation = item(
        GraphicLayer="LAYER",
        GraphicObjectSequence=[graphic],
        TextObjectSequence=[item(UnformattedTextValue="PLANTED")],
    )
    state = an_object(SOPClassUID=PRESENTATION, GraphicAnnotationSequence=[annotation])
    state.add_new(0x60003000, "OW", b"PLANTED!")
    result = deidentify(state, sop_class_uid=PRESENTATION, clean=["graphics"])
    assert b"PLANTED" not in result.data_set
    assert result.read.GraphicAnnotationSequence[0].GraphicObjectSequence[0] == graphic
    assert result.read.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue == "REMOVED"


# ---- private elements


def philips(data_set: Dataset, creator: str = "Philips Imaging DD 001 ") -> Dataset:
    data_set.add_new(0x20010021, "LO", creator)
    data_set.add_new(0x200121FE, "SS", 5)  # element FE of the block is in no list
    data_set.add_new(0x20012101, "FL", 1.5)  # 01 is
    return data_set


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG_ENDIAN])
def test_safe_private_elements_stay_with_their_creators(deidentify, syntax):
    data_set = philips(an_object(ReferencedSeriesSequence=[philips(Dataset())]))
    data_set.add_new(0x00290010, "LO", "OTHER")
    data_set.add_new(0x00291000, "LO", "PLANTED")
    assert not [e for e in deidentify(data_set, syntax).read.iterall() if e.tag.is_private]
    read = deidentify(data_set, syntax, retain=["safe-private"]).read
    private = sorted({int(e.tag) for e in read.iterall() if e.tag.is_private})
    assert private == [0x20010021, 0x20012101]
    assert len([e for e in read.iterall() if e.tag.is_private]) == 4


def test_an_element_of_another_creator_is_not_taken_for_a_safe_one(deidentify):
    read = deidentify(philips(an_object(), "ACME"), retain=["safe-private"]).read
    assert not [e for e in read.iterall() if e.tag.is_private]


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN])
def test_what_an_object_says_of_its_blocks_holds(deidentify, syntax):
    def block(creator, status, **more):
        return item(
            PrivateGroupReference=0x0029,
            PrivateCreatorReference=creator,
            BlockIdentifyingInformationStatus=status,
            **more,
        )

    actions = [
        item(IdentifyingPrivateElements=[2], DeidentificationAction="Z"),
        item(IdentifyingPrivateElements=[3, 4], DeidentificationAction="U"),
    ]
    data_set = an_object(
        PrivateDataElementCharacteristicsSequence=[
            block("ALL", "SAFE"),
            block("SOME", "MIXED", NonidentifyingPrivateElements=[1], DeidentificationActionSequence=actions),
            block("NONE", "UNSAFE"),
        ]
    )
    for number, creator in enumerate(("ALL", "SOME", "NONE")):
        data_set.add_new(0x00290010 + number, "LO", creator)
        base = 0x00291000 + 0x100 * number
        data_set.add_new(base + 1, "LO", "first")
        data_set.add_new(base + 2, "LO", "second")
        data_set.add_new(base + 3, "UI", "1.2.3")
        data_set.add_new(base + 5, "LO", "fifth")
    read = deidentify(data_set, syntax, retain=["safe-private"]).read
    new = read.StudyInstanceUID
    found = {int(e.tag) & 0xFFFF: e.value for e in read if e.tag.group == 0x0029}
    assert found == {
        0x10: "ALL",
        0x11: "SOME",
        0x1001: "first",
        0x1002: "second",
        0x1003: new,
        0x1005: "fifth",
        0x1101: "first",
        0x1102: "",
        0x1103: new,
    }


# ---- marks


@pytest.mark.parametrize("option", Option)
def test_marks_say_what_was_done(deidentify, option):
    key = "clean" if option in {Option.GRAPHICS, Option.STRUCTURED_CONTENT} else "retain"
    read = deidentify(an_object(), **{key: [option.value]}).read
    codes = [
        (c.CodeValue, c.CodingSchemeDesignator, c.CodeMeaning)
        for c in read.DeidentificationMethodCodeSequence
    ]
    method = METHODS[option]
    assert codes == [
        ("113100", "DCM", "Basic Application Confidentiality Profile"),
        (method.code, "DCM", method.meaning),
    ]
    assert read.PatientIdentityRemoved == "YES"
    assert read.DeidentificationMethod == METHOD_TEXT
    assert "BurnedInAnnotation" not in read
    assert "RecognizableVisualFeatures" not in read


def test_earlier_marks_stay_and_are_not_doubled(deidentify):
    earlier = an_object(
        DeidentificationMethod=["by hand"],
        DeidentificationMethodCodeSequence=[
            item(CodeValue="113105", CodingSchemeDesignator="DCM"),
            item(LongCodeValue="x"),
        ],
    )
    once = deidentify(earlier)
    assert list(once.read.DeidentificationMethod) == ["by hand", METHOD_TEXT]
    assert [c.get("CodeValue") for c in once.read.DeidentificationMethodCodeSequence] == [
        "113105",
        None,
        "113100",
    ]
    twice = deidentify(once.data_set)
    assert list(twice.read.DeidentificationMethod) == ["by hand", METHOD_TEXT]
    assert len(twice.read.DeidentificationMethodCodeSequence) == 3


def test_what_is_not_listed_keeps_its_bytes(deidentify):
    data_set = an_object(ImageType=["ORIGINAL", "PRIMARY"], Modality="CT", KVP="120 ", Rows=512)
    result = deidentify(data_set)
    for keyword in ("ImageType", "Modality", "KVP", "Rows"):
        kept = Dataset()
        kept[keyword] = data_set[keyword]
        assert encoded(kept) in result.data_set


def test_notes_count_by_action_and_class(deidentify):
    result = deidentify(
        an_object(StudyDate="20200101", InstitutionName="x", PatientComments="x", OperatorsName="x")
    )
    assert result.notes["replaced UIDs"] == 3
    assert result.notes["emptied dates"] == 1
    assert result.notes["removed institutions"] == 1
    assert result.notes["removed names"] == 1
    assert not [code for code in result.notes if len(code.split()) != 2]
