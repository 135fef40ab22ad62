"""Who an object is of, and what stands for that person."""

import re

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_sdk.testing import TRANSFER_SYNTAXES, draft_from, make_object
from hilum_transform_deidentify.identity import Keys, Subjects, subject_of

SUBJECTS = Subjects(Keys.of(b"a project's secret, long enough"), 365)


@pytest.fixture
def subject(tmp_path):
    """Say who an object with these elements is of."""

    def of(syntax="explicit", **elements):
        path = make_object(
            tmp_path, rows=4, transfer_syntax_uid=TRANSFER_SYNTAXES[syntax], elements=elements or None
        )
        with draft_from(path) as draft:
            return subject_of(draft.elements)

    return of


def test_it_is_the_patient_id_with_its_issuer(subject):
    one = subject(PatientID="4711", IssuerOfPatientID="A")
    assert one != subject(PatientID="4711", IssuerOfPatientID="B")
    assert one != subject(PatientID="4712", IssuerOfPatientID="A")
    assert one != subject(PatientID="4711")
    assert one == subject(
        PatientID="4711", IssuerOfPatientID="A", PatientName="Other", StudyInstanceUID="2.25.9"
    )


def test_id_and_issuer_cannot_be_mistaken_for_one_another(subject):
    assert subject(PatientID="47", IssuerOfPatientID="11") != subject(PatientID="4711")


def test_padding_encoding_and_character_set_make_no_other_subject(subject):
    one = subject(PatientID="Jürgen-1", SpecificCharacterSet="ISO_IR 100")
    assert one == subject(PatientID=" Jürgen-1 ", SpecificCharacterSet="ISO_IR 100")
    assert one == subject(
        PatientID="Jürgen-1", SpecificCharacterSet="ISO_IR 192", InstitutionName="A", StudyDescription="A"
    )
    assert one == subject(
        PatientID="Ju\u0308rgen-1",
        SpecificCharacterSet="ISO_IR 192",
        InstitutionName="A",
        StudyDescription="A",
    )
    assert len({subject(syntax, PatientID="4711") for syntax in TRANSFER_SYNTAXES}) == 1


@pytest.mark.parametrize("empty", [None, "", "   "])
def test_without_a_patient_id_it_is_the_study(subject, empty):
    one = subject(PatientID=empty, StudyInstanceUID="2.25.1")
    assert one == subject(PatientID=empty, StudyInstanceUID="2.25.1", PatientName="Other")
    assert one != subject(PatientID=empty, StudyInstanceUID="2.25.2")
    assert one != subject(PatientID="2.25.1")


def test_without_a_study_it_is_still_somebody(subject):
    nobody = {"PatientID": None, "StudyInstanceUID": None}
    assert subject(**nobody, SeriesInstanceUID="2.25.1") != subject(**nobody, SeriesInstanceUID="2.25.2")


def test_an_endless_patient_id_costs_no_memory(tmp_path):
    path = make_object(tmp_path, rows=4)
    data_set = pydicom.dcmread(path)
    data_set.add_new("PatientID", "UT", "A" * 3_000_000)
    data_set.save_as(path)
    with draft_from(path) as draft:
        assert len(subject_of(draft.elements)) < 70_000


@given(subject=st.binary())
def test_a_code_is_good_for_an_id_as_for_a_name(subject):
    code = SUBJECTS.code(subject)
    assert re.fullmatch(r"[A-Z2-7]{16}", code)
    assert SUBJECTS.code(subject) == code


@given(subject=st.binary(), most_days=st.integers(1, 40_000))
def test_dates_go_back_by_at_least_one_day_and_at_most_as_many_as_configured(subject, most_days):
    days = Subjects(Keys.of(b"a project's secret, long enough"), most_days).days(subject)
    assert 1 <= days <= most_days


def test_all_numbers_of_days_come_up():
    subjects = Subjects(Keys.of(b"a project's secret, long enough"), 7)
    assert {subjects.days(b"%d" % number) for number in range(200)} == {1, 2, 3, 4, 5, 6, 7}


def test_another_secret_gives_other_codes():
    other = Subjects(Keys.of(b"the secret of another project"), 365)
    codes = {SUBJECTS.code(b"%d" % number) for number in range(1000)}
    assert len(codes) == 1000
    assert codes.isdisjoint(other.code(b"%d" % number) for number in range(1000))


def test_a_subject_of_an_earlier_export_is_the_same_again():
    assert (SUBJECTS.code(b"patient\x004711\0"), SUBJECTS.days(b"patient\x004711\0")) == (
        "MDJQSJE76FDH6NLX",
        282,
    )


def test_no_shift_at_all_is_refused():
    with pytest.raises(ValueError, match="at least 1 day"):
        Subjects(Keys.of(b"a project's secret, long enough"), 0)
