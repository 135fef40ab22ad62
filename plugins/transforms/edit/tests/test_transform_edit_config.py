"""What a wrong config says."""

import pytest
import tomli

from hilum_sdk.config import ConfigProblems, structure
from hilum_transform_edit.config import EditConfig


def _report(toml):
    with pytest.raises(ConfigProblems) as caught:
        structure(tomli.loads(toml), EditConfig, where="x")
    return [(problem.path, problem.text) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        (
            'set.InstitutionNam = "X"',
            "DICOM has no element called 'InstitutionNam'; did you mean 'InstitutionName'?",
        ),
        (
            'set."(0009,1001)" = "x"',
            "the dictionary does not know (0009,1001); give its VR: { vr, value }",
        ),
        (
            'set."(0009,1001)" = { vr = "LOO", value = "x" }',
            "(0009,1001) cannot have VR 'LOO'; it has one of PS3.5 6.2",
        ),
        (
            'set."(0009,1001)" = { vr = "OB", value = "x" }',
            "an element with VR OB cannot be set",
        ),
        ('set.PatientID = { valu = "1" }', "unknown key 'valu'; did you mean 'value'?"),
        ('set.PatientID = { vr = "LO" }', "has no value; write { vr, value }"),
        (
            'set.StationName = { vr = "CS", value = "A" }',
            "StationName cannot have VR 'CS'; it has SH",
        ),
        (
            "set.PixelPaddingValue = 3",
            "PixelPaddingValue has VR US or SS; say which: { vr, value }",
        ),
        (
            "set.RequestAttributesSequence = []",
            "RequestAttributesSequence is a sequence; set elements of its items by path, or remove it",
        ),
        (
            'set."(0010,xx01,X)" = { vr = "LO", value = "1" }',
            "(0010,…) is no private group, so nobody reserves blocks of it",
        ),
        (
            'set."(0009,xx01,Ü)" = { vr = "LO", value = "1" }',
            "a private creator is one text in ASCII of at most 64 characters (PS3.5 7.8.1)",
        ),
        ('set.StudyID = "{calling}"', "{calling} is no variable; did you mean 'calling_ae'?"),
        (
            'set.StudyID = "{PatientI}"',
            "{PatientI} is no variable; DICOM has no element called 'PatientI'; did you mean 'PatientID'?",
        ),
        ('set.StudyID = "a}b"', "a single '}' has no partner; write '}}' for one of its own"),
        ('copy.StudyID = "StudyID"', "StudyID is its own source"),
        (
            'copy.StudyID = "RequestAttributesSequence.RequestedProcedureID"',
            (
                "RequestAttributesSequence.RequestedProcedureID may be several elements; say which item, "
                "such as [0]"
            ),
        ),
        (
            'copy.SOPInstanceUID = "StudyID"',
            "SOPInstanceUID tells objects apart and cannot be the same for all",
        ),
        ("copy.StudyID = 3", "expected the name of an element, got 3"),
        (
            'rename.FrameOfReferenceUID = "StudyInstanceUID"',
            "StudyInstanceUID tells objects apart and cannot be removed",
        ),
        (
            'copy.ProcedureCodeSequence = "StudyID"',
            "ProcedureCodeSequence is a sequence, which is not copied; name elements of its items",
        ),
        (
            'lookup.PatientID = { key = "x" }',
            "has no table; write { table, key, missing, key_column, value_column }",
        ),
        ('lookup.PatientID = { table = "ids.csv" }', "table: write the whole path, beginning with '/'"),
        (
            'lookup.PatientID = { table = "/x", missing = "keeps" }',
            "missing is one of keep, blank, fail, hold, got 'keeps'",
        ),
        ("lookup.PatientID = { table = 3 }", "table: expected a text, got 3"),
        ("replace.StudyID = { pattern = '(' }", "pattern '(' with '': missing ) at position 1"),
        (
            "replace.StudyID = { pattern = 'a', with = '\\1' }",
            "pattern 'a' with '\\\\1': invalid group reference",
        ),
        ('prefix.StudyID = ""', "expected the text to put before its values, got ''"),
        ('prefix.SOPClassUID = "1"', "SOPClassUID says what the object is, which no edit changes"),
        ('character_set = "latin-1"', 'expected one of "utf-8", got "latin-1"'),
        (
            'set.Modality = "ct"',
            "VR CS is at most 16 capital letters, digits, '_' and spaces (PS3.5 6.2), got 'ct'",
        ),
        (
            'set.StudyDate = "20240230"',
            "VR DA is a date such as \"20240131\" (PS3.5 6.2), got '20240230'",
        ),
        (
            'set.StudyTime = "2560"',
            "VR TM is a time such as \"093000\" (PS3.5 6.2), got '2560'",
        ),
        ('set.PatientAge = "42"', "VR AS is an age such as \"042Y\" (PS3.5 6.2), got '42'"),
        (
            "set.SeriesNumber = 99999999999",
            "VR IS is a whole number of at most 32 bits (PS3.5 6.2), got '99999999999'",
        ),
        (
            "set.SliceThickness = true",
            "VR DS is a decimal number of at most 16 characters; got True",
        ),
        (
            "set.LargestMonochromePixelValue = 70000",
            "70000 is beyond what VR US can hold (PS3.5 6.2)",
        ),
        (
            'set.LargestMonochromePixelValue = "7"',
            "VR US is a whole number, got '7'",
        ),
        (
            'set.FrameOfReferenceUID = "1.02"',
            "VR UI is a UID: numbers joined by dots (PS3.5 6.2), got '1.02'",
        ),
        ('set.StudyID = "a\\\\b"', "a backslash separates values; write them as an array, got 'a\\\\b'"),
        ('set.StudyID = "a\\nb"', "VR SH has no control characters (PS3.5 6.1.3), got 'a\\nb'"),
        ('set.PatientComments = ["a", "b"]', "VR LT has one value (PS3.5 6.2), got 2"),
        (
            'set.SOPInstanceUID = "1.2"',
            "SOPInstanceUID tells objects apart and cannot be the same for all",
        ),
        (
            'set."ReferencedStudySequence.StudyInstanceUID" = "1.2"',
            "StudyInstanceUID tells objects apart and cannot be the same for all",
        ),
        (
            'set.SpecificCharacterSet = "ISO_IR 192"',
            'SpecificCharacterSet goes with all texts that are written in it; use character_set = "utf-8"',
        ),
        (
            'set.TransferSyntaxUID = "1.2"',
            "File Meta Information is made anew for each destination",
        ),
        ("set.Rows = 3", "Rows belongs to the pixels, which are not touched"),
        ('remove = ["PixelData"]', "PixelData belongs to the pixels, which are not touched"),
        (
            'remove = ["PatientID", "SeriesInstanceUID"]',
            "SeriesInstanceUID tells objects apart and cannot be removed",
        ),
        (
            'remove = ["(0010,xxxx)"]',
            "(0010,xxxx) is neither a private group nor one of overlays or curves; name its elements",
        ),
        (
            'remove = ["(0008,0000)"]',
            "(0008,0000) is the length of a group, which is not ours to tell",
        ),
        ("remove = [1]", "expected the name of an element, got 1"),
        ('remove = ["PatientID", "(0010,0020)"]', "PatientID stands there twice"),
        ('remove = "PatientID"', 'expected an array of elements, got "PatientID"'),
        (
            'set.PatientID = "1"\nremove = ["PatientID"]',
            "PatientID is both set and removed; setting it is enough",
        ),
        ("", "changes nothing; give set, remove or another of its keys"),
        ("remove_private = false\nset = {}", "changes nothing; give set, remove or another of its keys"),
    ],
    ids=lambda value: value,
)
def test_says_what_is_wrong_and_what_to_do(toml, said):
    assert [text for _, text in _report(toml)] == [said]


def test_every_fault_is_reported_at_once_with_its_place():
    found = _report('set = { Modality = "ct", "(0009,1001)" = 1 }\nremove = ["x y", 3]\nremoves = 1')
    assert [path for path, _ in found] == [
        "x.removes",
        "x.remove[0]",
        "x.remove[1]",
        "x.set.Modality",
        'x.set."(0009,1001)"',
    ]
