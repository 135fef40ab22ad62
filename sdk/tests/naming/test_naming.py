"""Names made of values that strangers have chosen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hilum_sdk.naming import Layout, numbered, safe_name
from hilum_sdk.testing import header_from, make_object

TRICKS = [
    "..",
    ".",
    "../../etc/passwd",
    "/etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "\x1b[31m",
    ".hidden",
    ".hilum-incoming",
    "-rf",
    "~root",
    "CON",
    "con.txt",
    "Com1.dcm",
    "LPT¹",
    "nul",
    "ends.",
    "ends ",
    " begins",
    'a:b*c?d"e<f>g|h',
    "right\u202eleft",
    "zero\u200bwidth",
    "\ud800",
    "x" * 300,
    "ü" * 200,
    " ",
]


@pytest.mark.parametrize("text", TRICKS, ids=ascii)
def test_a_trick_becomes_a_plain_name_with_a_digest(text):
    name = safe_name(text)
    _assert_plain(name)
    assert "~" in name


@pytest.mark.parametrize(
    "text", ["4711", "DOE^JANE", "Müller", "山田", "2.25.1", "a-b_c+d,e", "a.b", "(x)", "O'Neil"]
)
def test_a_plain_value_stays_as_it_is(text):
    assert safe_name(text) == text


def test_different_values_never_share_a_name():
    texts = [*TRICKS, "a_b", "_", "_hidden", "ends", "begins", "a b"]
    assert len({safe_name(text).casefold() for text in texts}) == len(texts)


def test_composed_and_decomposed_letters_are_one_name():
    assert safe_name("Mu\u0308ller") == safe_name("M\u00fcller")


@given(st.text(min_size=1), st.sampled_from(["", ".dcm", ".0001.dcm"]))
def test_any_text_becomes_a_plain_name_that_keeps_its_ending(text, ending):
    name = safe_name(text, ending=ending)
    _assert_plain(name)
    assert name.endswith(ending)


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_differ_where_texts_differ(one, other):
    if unicodedata.normalize("NFC", one) != unicodedata.normalize("NFC", other):
        assert safe_name(one) != safe_name(other)


def _assert_plain(name):
    assert 1 <= len(name.encode()) <= 200
    assert name not in {".", ".."}
    assert not set(name) & set('/\\:*?"<>|\0')
    assert name[0] not in " .-"
    assert name[-1] not in " ."
    assert name.isprintable()
    assert name.partition(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT1"}


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [("a.dcm", 2, "a-2.dcm"), ("2.25.1.dcm", 3, "2.25.1-3.dcm"), ("IM0001", 2, "IM0001-2")],
)
def test_numbered_names_keep_their_extension(name, number, expected):
    assert numbered(name, number) == expected


# ---- layouts


def _names(tmp_path, template, **elements):
    path = make_object(tmp_path, rows=4, elements=elements)
    return "/".join(
        Layout.parse(template).names(header_from(path), sop_instance_uid="2.25.1", missing="unknown")
    )


@pytest.mark.parametrize(
    ("template", "elements", "expected"),
    [
        (
            "{PatientID}/{StudyDate}/{SeriesNumber:04}/{SOPInstanceUID}.dcm",
            {},
            "PLANTED-4711/20260101/0003/2.25.1.dcm",
        ),
        ("{SeriesNumber:04}", {"SeriesNumber": "12345"}, "12345"),
        ("{SeriesNumber:04}", {"SeriesNumber": "-3"}, "_3~"),
        ("{SeriesNumber:04}", {"SeriesNumber": None}, "unknown"),
        ("{AccessionNumber}/{PatientName}", {"PatientName": ""}, "unknown/unknown"),
        ("{StudyDescription:.6}", {}, "Schäde"),
        ("{StudyDescription:.7}-x", {"StudyDescription": "Becken links"}, "Becken-x"),
        ("{ImageType}", {}, "ORIGINAL"),
        ("{Rows:03}x{Columns:03}", {}, "004x004"),
        ("{(0009,1001)}/{Modality}", {}, "planted private/CT"),
        ("{PatientID}.dcm", {"PatientID": "../../x"}, "_._.._x~"),
        ("{PatientID}.dcm", {"PatientID": "x" * 64 + "y" * 300}, "xxxx"),
        ("a-{Modality}-b/c/{SOPInstanceUID}", {}, "a-CT-b/c/2.25.1"),
        ("{Modality}/latest.dcm", {}, "CT/latest.dcm"),
    ],
)
def test_a_layout_names_folders_and_file(tmp_path, template, elements, expected):
    assert _names(tmp_path, template, **elements).startswith(expected)


def test_a_name_that_is_too_long_keeps_its_extension(tmp_path):
    name = _names(tmp_path, "{PatientID}.dcm", PatientID="ü" * 300)
    assert name.endswith(".dcm")
    assert len(name.encode()) <= 180


def test_a_missing_instance_uid_is_that_of_the_command(tmp_path):
    assert Layout.parse("{SOPInstanceUID}").names({}, sop_instance_uid="1.2", missing="x") == ("1.2",)
