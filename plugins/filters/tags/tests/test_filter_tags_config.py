"""What a wrong config says."""

import pytest
import tomli

from hilum_filter_tags.config import TagsConfig
from hilum_sdk.config import ConfigProblems, structure


def _report(toml):
    with pytest.raises(ConfigProblems) as caught:
        structure(tomli.loads(toml), TagsConfig, where="filters.x")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            'where = { Modalty = "CT" }',
            "where.Modalty: DICOM has no element called 'Modalty'; did you mean 'Modality'?",
        ),
        (
            'where = { "foo bar" = 1 }',
            (
                "where.\"foo bar\": 'foo bar' names no element; write a keyword such as Modality, a tag such "
                "as (0008,0060), or a path of them joined by dots"
            ),
        ),
        (
            'where = { "Modality.CodeValue" = "x" }',
            'where."Modality.CodeValue": Modality has VR CS and is no sequence, so nothing stands below it',
        ),
        (
            'where = { Modality = { start_with = "x" } }',
            "where.Modality.start_with: unknown operator; did you mean 'starts_with'?",
        ),
        ('where = { Modality = { exists = "yes" } }', "where.Modality.exists: expected true or false"),
        (
            "where = { PatientID = true }",
            (
                "where.PatientID: an element is compared with text or numbers; for its presence write "
                "{ exists = true }"
            ),
        ),
        (
            "where = { SeriesNumber = [] }",
            "where.SeriesNumber: an empty array matches nothing; leave the condition out or fill it",
        ),
        (
            'where = { AccessionNumber = "" }',
            (
                "where.AccessionNumber: empty text matches nothing; for an element without a value write "
                "{ exists = false }"
            ),
        ),
        ('where = { Rows = "many" }', "where.Rows: the element holds numbers, 'many' is none"),
        ('where = { Rows = { not = ["x"] } }', "where.Rows.not: the element holds numbers, 'x' is none"),
        (
            'where = { SOPClassUID = "CTImageStorag" }',
            (
                "where.SOPClassUID: 'CTImageStorag' is no UID and no keyword of one; "
                "did you mean 'CTImageStorage'?"
            ),
        ),
        (
            "where = { StudyDate = 2024-01-31 }",
            (
                "where.StudyDate: expected a value, an array of values, or a table with equals, starts_with, "
                'contains, exists, not, ignore_case; dates are written as DICOM does, such as "20240131"'
            ),
        ),
        (
            'where = { RequestAttributesSequence = "x" }',
            (
                "where.RequestAttributesSequence: is a sequence; write { exists = true }, or conditions on "
                "the elements of its items"
            ),
        ),
        (
            'where = { RequestAttributesSequence = { contains = "x" } }',
            (
                "where.RequestAttributesSequence: is a sequence, of which 'contains' cannot be asked; ask "
                "its elements"
            ),
        ),
        (
            'where = { RequestAttributesSequence = { RequestedProcedureI = "x" } }',
            (
                "where.RequestAttributesSequence.RequestedProcedureI: DICOM has no element called "
                "'RequestedProcedureI'; did you mean 'RequestedProcedureID'?"
            ),
        ),
        (
            'where = { MediaStorageSOPClassUID = "x" }',
            (
                "where.MediaStorageSOPClassUID: File Meta Information does not travel with an object; only "
                "TransferSyntaxUID is known"
            ),
        ),
        (
            "where = { Modality = { ignore_case = true } }",
            (
                "where.Modality: asks for nothing; write a value, an array of values, or a table with "
                "equals, starts_with, contains, exists, not, ignore_case"
            ),
        ),
        (
            'association = { caling_ae = "x" }',
            (
                "association.caling_ae: no fact of an association is called 'caling_ae'; did you mean "
                "'calling_ae'? there are: address, called_ae, calling_ae, peer, tls_subject, user"
            ),
        ),
        (
            'association = { address = "10.1.2.3/16" }',
            (
                "association.address: '10.1.2.3/16' is neither an address nor a network; did you mean "
                "'10.1.0.0/16'?"
            ),
        ),
        (
            'association = { address = "ct1.example" }',
            (
                "association.address: 'ct1.example' is neither an address nor a network, such as 10.1.20.5 "
                "or 10.1.0.0/16"
            ),
        ),
    ],
    ids=lambda value: value if " = {" in value else "",
)
def test_says_what_is_wrong_and_what_to_do(toml, said):
    assert _report(toml) == [f"filters.x.{said}"]


def test_a_filter_that_asks_for_nothing_is_refused():
    said = "filters.x: give conditions under where or association: without any, every object would match"
    assert _report("") == [said]
    assert _report("where = {}\nassociation = {}") == [said]


def test_every_fault_is_reported_at_once():
    found = _report('where = { Modalty = "CT", Rows = "x" }\nassociation = { address = "x" }\nwher = 1')
    assert len(found) == 4


def test_a_dotted_key_of_toml_is_a_condition_on_items():
    plain = structure(tomli.loads('where.RequestAttributesSequence.RequestedProcedureID = "A"'), TagsConfig)
    nested = structure(
        tomli.loads('where = { RequestAttributesSequence = { RequestedProcedureID = "A" } }'), TagsConfig
    )
    assert plain == nested
