"""Values by lookup tables."""

import pytest

from hilum_sdk import ConfigError, Hold, PermanentError, TemporaryError
from hilum_sdk.config import structure
from hilum_sdk.testing import FakeContext, draft_from, make_object
from hilum_transform_edit.config import EditConfig
from hilum_transform_edit.transform import EditTransform

ID = "PLANTED-4711"


@pytest.fixture
def path(tmp_path):
    return make_object(tmp_path, rows=4, elements={"PatientID": ID, "StudyID": "7"})


@pytest.fixture
def table(tmp_path):
    table = tmp_path / "ids.csv"
    table.write_text(f"hospital,ours,site\n{ID},A1,Ulm\n\n7,A7,Graz\n", encoding="utf-8")
    return table


def _made(tmp_path, lookup):
    transform = EditTransform(
        structure({"lookup": lookup}, EditConfig), FakeContext(tmp_path, label="transforms.x")
    )
    transform.open()
    return transform


def _applied(transform, path):
    with draft_from(path) as draft:
        said = transform.apply(draft)
        draft.next_transform()
        return said if said is not None else draft.dataset


def test_looks_up_the_elements_own_value_or_another_key(tmp_path, path, table):
    transform = _made(
        tmp_path,
        {
            "PatientID": {"table": str(table)},
            "InstitutionName": {
                "table": str(table),
                "key": "{StudyID}",
                "key_column": "hospital",
                "value_column": "site",
            },
        },
    )
    data_set = _applied(transform, path)
    assert (data_set.PatientID, data_set.InstitutionName) == ("A1", "Graz")


@pytest.mark.parametrize("missing", ["keep", "blank"])
def test_a_missing_key_keeps_or_blanks(tmp_path, path, table, missing):
    transform = _made(tmp_path, {"StudyID": {"table": str(table), "key": "{Modality}", "missing": missing}})
    assert _applied(transform, path).StudyID == {"keep": "7", "blank": ""}[missing]


def test_a_missing_key_holds_by_default_and_quotes_nothing(tmp_path, path, table):
    held = _applied(_made(tmp_path, {"PatientID": {"table": str(table), "key": "{PatientName}"}}), path)
    assert isinstance(held, Hold)
    assert held.code == "lookup"
    assert held.reason.startswith("PatientID: the lookup table does not have its key")


def test_a_missing_key_can_fail(tmp_path, path, table):
    transform = _made(tmp_path, {"StudyID": {"table": str(table), "key": "{Modality}", "missing": "fail"}})
    with pytest.raises(PermanentError) as caught:
        _applied(transform, path)
    assert str(caught.value).startswith("transforms.x.lookup.StudyID: the table has no such key")


def test_a_value_that_does_not_fit_its_vr_is_refused_unquoted(tmp_path, path, table):
    table.write_text(f"a,b\n{ID},not a date\n")
    transform = _made(tmp_path, {"StudyDate": {"table": str(table), "key": "{PatientID}"}})
    with pytest.raises(PermanentError) as caught:
        _applied(transform, path)
    assert "not a date" not in str(caught.value)


def test_a_changed_table_is_read_again_and_has_another_fingerprint(tmp_path, path, table):
    transform = _made(tmp_path, {"PatientID": {"table": str(table)}})
    before = transform.fingerprint()
    assert before == _made(tmp_path, {"PatientID": {"table": str(table)}}).fingerprint()
    replacement = tmp_path / "new.csv"
    replacement.write_text(f"a,b\n{ID},B2\n")
    replacement.replace(table)
    assert _applied(transform, path).PatientID == "B2"
    assert transform.fingerprint() != before


def test_a_table_that_is_gone_or_spoilt_lets_the_object_wait(tmp_path, path, table):
    transform = _made(tmp_path, {"PatientID": {"table": str(table)}})
    table.write_text("a,b\nx,1\nx,2\n")
    with pytest.raises(TemporaryError) as caught:
        _applied(transform, path)
    assert "line 3: its key stands there before, with another value" in str(caught.value)
    table.unlink()
    with pytest.raises(TemporaryError) as caught:
        transform.probe()
    assert "cannot be read: No such file" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "needs a header line with at least two columns"),
        (b"a\n1\n", "needs a header line with at least two columns"),
        (b"a,b\n1\n", "line 2: has 1 columns, needs 2"),
        (b"a,b\n\xff,2\n", "is not UTF-8 text; save it as CSV in UTF-8"),
        (b'a,b\n"1,2\n', "is not CSV"),
    ],
)
def test_what_is_no_table_is_refused_at_the_start(tmp_path, table, content, said):
    table.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        _made(tmp_path, {"PatientID": {"table": str(table)}})
    assert said in str(caught.value)


def test_a_column_that_is_not_there_is_named(tmp_path, table):
    with pytest.raises(ConfigError) as caught:
        _made(tmp_path, {"PatientID": {"table": str(table), "value_column": "our"}})
    assert "has no column 'our'; there are: hospital, ours, site" in str(caught.value)
