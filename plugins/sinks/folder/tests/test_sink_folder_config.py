"""What a wrong config says."""

import pytest
import tomli

from hilum_sdk.config import ConfigProblems, describe, structure
from hilum_sink_folder.config import FolderConfig


def _report(toml):
    with pytest.raises(ConfigProblems) as caught:
        structure(tomli.loads(toml), FolderConfig)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('path = "out"', "path: write the whole path, beginning with '/'"),
        (
            'layout = "/{PatientID}"',
            "layout: names what is below the destination, so it does not begin with '/'",
        ),
        (
            'layout = "{PatientI}"',
            "layout: DICOM has no element called 'PatientI'; did you mean 'PatientID'?",
        ),
        (
            'layout = "{PatientID}//a{StudyID}"',
            "layout: has an empty name: two '/' in a row, or one at the end",
        ),
        ('layout = "{PatientID}/"', "layout: has an empty name: two '/' in a row, or one at the end"),
        ('layout = "../{PatientID}"', "layout: '..' is no name for a folder"),
        ('layout = "CON/{PatientID}"', "layout: 'CON' is no name for a folder"),
        ('layout = ".x/{PatientID}"', "layout: '.x' is no name for a folder"),
        (
            'layout = "{PatientID"',
            "layout: '{PatientID' has a brace without its partner; a field is written {PatientID}",
        ),
        (
            'layout = "{{PatientID}}"',
            "layout: '{{PatientID}}' has a brace without its partner; a field is written {PatientID}",
        ),
        ('layout = "a:{PatientID}"', "layout: 'a:' has characters that no file name should have"),
        ('layout = "{PatientID}."', "layout: '{PatientID}.' ends in a dot or space, which Windows drops"),
        (
            'layout = "{SeriesNumber:>4}"',
            (
                "layout: {SeriesNumber:>4}: after ':' comes 0 with a number of digits (:04), "
                "or a most length (:.40)"
            ),
        ),
        (
            'layout = "{PatientName.family_name}"',
            "layout: {PatientName.family_name}: only elements of the top level can stand in a name",
        ),
        (
            'layout = "{PatientName[0]}"',
            "layout: {PatientName[0]}: only elements of the top level can stand in a name",
        ),
        ('layout = "{PixelData}"', "layout: PixelData cannot stand in a name"),
        ('layout = "{TransferSyntaxUID}"', "layout: TransferSyntaxUID cannot stand in a name"),
        (
            'exists = "kep"',
            'exists: expected one of "keep", "overwrite", "number", got "kep"; did you mean \'keep\'?',
        ),
        ('missing = "a/b"', "missing: is no name for a folder or file; use letters, digits, '-' and '_'"),
        ('missing = ""', "missing: must not be empty"),
        ('file_mode = "rw"', "file_mode: expected three octal digits such as \"0640\", got 'rw'"),
        (
            'file_mode = "0777"',
            "file_mode: files must be readable and writable by the router and are no programs, got '0777'",
        ),
        ("file_mode = 640", 'file_mode: expected a file mode such as "0640", got 640'),
    ],
    ids=lambda value: value,
)
def test_says_what_is_wrong_and_what_to_do(toml, said):
    whole = toml if "path =" in toml else f'path = "/out"\n{toml}'
    assert _report(whole) == [said]


def test_every_fault_of_a_layout_is_reported_at_once():
    found = _report('path = "/out"\nlayout = "{PatientI}/{StudyDat}/CON/{SOPInstanceUID}"')
    assert len(found) == 3


def test_the_help_shows_what_holds_if_nothing_is_said():
    defaults = {field.key: field.default for field in describe(FolderConfig)}
    assert defaults == {
        "path": "",
        "layout": '"{PatientID}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm"',
        "exists": '"number"',
        "missing": '"unknown"',
        "file_mode": '"0640"',
    }
