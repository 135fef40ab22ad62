"""What must wait for a person, and by which entry of `allow` it would not."""

import pydicom
import pytest

from hilum_sdk.testing import PLANTED, TRANSFER_SYNTAXES, draft_from, make_object
from hilum_transform_deidentify.judging import ALLOWABLE, reason_to_hold

STORAGE = "1.2.840.10008.5.1.4.1.1."
CT = STORAGE + "2"
EXPLICIT = TRANSFER_SYNTAXES["explicit"]


@pytest.fixture
def judge(tmp_path):
    def of(*, sop_class_uid=CT, transfer_syntax_uid=EXPLICIT, allow=(), without_pixels=False, elements=None):
        path = make_object(tmp_path, rows=4, elements=elements)
        if without_pixels:
            data_set = pydicom.dcmread(path)
            del data_set.PixelData
            data_set.save_as(path)
        with draft_from(path) as draft:
            return reason_to_hold(
                draft.elements,
                sop_class_uid=sop_class_uid,
                transfer_syntax_uid=transfer_syntax_uid,
                allow=frozenset(allow),
            )

    return of


DOUBTFUL = [
    *[({"sop_class_uid": STORAGE + f"104.{n}"}, "encapsulated-documents", "document") for n in range(1, 6)],
    ({"elements": {"EncapsulatedDocument": b"%PDF"}}, "encapsulated-documents", "document"),
    *[
        ({"transfer_syntax_uid": f"1.2.840.10008.1.2.4.{end}"}, "video", "video")
        for end in ("100", "100.1", "101", "102", "103.1", "104", "105", "106.1", "107", "108")
    ],
    ({"transfer_syntax_uid": "1.2.840.10008.1.2.7.1"}, "video", "video"),
    *[({"sop_class_uid": STORAGE + end}, "video", "video") for end in ("77.1.1.1", "77.1.2.1", "77.1.4.1")],
    ({"sop_class_uid": STORAGE + "9.4.1"}, "video", "sound"),
    *[
        ({"sop_class_uid": STORAGE + end}, "burned-in-text", "secondary capture")
        for end in ("7", "7.1", "7.2", "7.3", "7.4")
    ],
    *[
        ({"sop_class_uid": STORAGE + end}, "burned-in-text", "ultrasound")
        for end in ("3", "3.1", "6", "6.1", "6.2")
    ],
    ({"sop_class_uid": STORAGE + "77.1.1"}, "burned-in-text", "endoscopic"),
    ({"sop_class_uid": "1.2.840.10008.5.1.1.30"}, "burned-in-text", "film"),
    ({"elements": {"SOPClassUID": STORAGE + "7"}}, "burned-in-text", "secondary capture"),
    ({"elements": {"Modality": "US"}}, "burned-in-text", "ultrasound"),
    ({"elements": {"Modality": "IVUS"}}, "burned-in-text", "ultrasound"),
    ({"elements": {"BurnedInAnnotation": "YES"}}, "burned-in-text", "(0028,0301) = YES"),
    ({"elements": {"BurnedInAnnotation": "yes"}}, "burned-in-text", "(0028,0301) = YES"),
    ({"elements": {"ConversionType": "WSD"}}, "burned-in-text", "secondary capture"),
    ({"elements": {"ConversionType": "SD"}}, "burned-in-text", "scanned document"),
    ({"elements": {"ConversionType": "DF"}}, "burned-in-text", "digitized film"),
    *[
        ({"elements": {"ImageType": ["DERIVED", "SECONDARY", *more]}}, "burned-in-text", "screenshot")
        for more in (["SCREEN SAVE"], ["DOSE_INFO"], ["OTHER", "CT_SOM5 PROT"], ["SCREENSHOT"], ["POSDISP"])
    ],
]


@pytest.mark.parametrize(("given", "code", "word"), DOUBTFUL, ids=lambda v: v if isinstance(v, str) else "")
def test_what_cannot_be_judged_is_held_and_the_hold_says_what_to_do(judge, given, code, word):
    hold = judge(**given)
    assert hold is not None
    assert hold.code == code
    assert word in hold.reason
    assert f'"{code}"' in hold.reason
    assert not any(planted in hold.reason for planted in PLANTED)
    assert judge(**given, allow=set(ALLOWABLE) - {code}) == hold
    assert judge(**given, allow={code}) is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"elements": {"BurnedInAnnotation": "NO"}},
        {"elements": {"BurnedInAnnotation": ""}},
        {"elements": {"ConversionType": "SYN"}},
        {"elements": {"ImageType": ["DERIVED", "SECONDARY", "MPR", "AXIAL", "PROTON"]}},
        {"elements": {"Modality": "SR"}, "sop_class_uid": STORAGE + "88.33", "without_pixels": True},
        {"elements": {"Modality": "US"}, "without_pixels": True},
        {"transfer_syntax_uid": "1.2.840.10008.1.2.4.90"},
        {"transfer_syntax_uid": "1.2.840.10008.1.2.4.110"},
        {"sop_class_uid": STORAGE + "77.1.6"},
        {"sop_class_uid": STORAGE + "10"},
    ],
    ids=str,
)
def test_what_shows_no_sign_of_text_goes(judge, given):
    assert judge(**given) is None


def test_that_an_image_says_no_does_not_clear_an_ultrasound_image(judge):
    hold = judge(sop_class_uid=STORAGE + "6.1", elements={"BurnedInAnnotation": "NO"})
    assert hold.code == "burned-in-text"


def test_a_video_of_ultrasound_needs_both_entries(judge):
    given = {"sop_class_uid": STORAGE + "3.1", "transfer_syntax_uid": "1.2.840.10008.1.2.4.102"}
    assert judge(**given).code == "video"
    assert judge(**given, allow={"video"}).code == "burned-in-text"
    assert judge(**given, allow={"burned-in-text"}).code == "video"
    assert judge(**given, allow={"video", "burned-in-text"}) is None


def test_a_scanned_document_in_pdf_is_a_document_and_no_more(judge):
    given = {
        "sop_class_uid": STORAGE + "104.1",
        "elements": {"ConversionType": "SD", "BurnedInAnnotation": "YES"},
    }
    assert judge(**given).code == "encapsulated-documents"
    assert judge(**given, allow={"encapsulated-documents"}) is None
