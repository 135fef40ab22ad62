"""Values as texts and numbers, from raw bytes and from what pydicom has decoded alike."""

import io
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from hilum_sdk.elements import read_header
from hilum_sdk.elements.vr import KNOWN, has_long_header, pad
from hilum_sdk.paths import parse_path
from hilum_sdk.testing import TRANSFER_SYNTAXES, header_from, make_object
from hilum_sdk.values import Value, items_at, number_in, values_at


def _element(tag, vr, value):
    value = pad(vr, value)
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    if has_long_header(vr):
        return head + bytes(2) + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


def _header(*elements):
    stream = io.BytesIO(b"".join(_element(*element) for element in elements))
    return read_header(stream, TRANSFER_SYNTAXES["explicit"])


@pytest.mark.parametrize(
    ("vr", "encoded", "values"),
    [
        ("CS", b"A \\ B", [Value("A"), Value("B")]),
        ("CS", b"\\A\\", [Value("A")]),
        ("CS", b"  ", []),
        ("CS", b"", []),
        ("IS", b"007", [Value("007", 7)]),
        ("IS", b"nan\\1_0\\ 5", [Value("nan"), Value("1_0"), Value("5", 5)]),
        ("DS", b"1.50\\-.5\\1e2", [Value("1.50", 1.5), Value("-.5", -0.5), Value("1e2", 100.0)]),
        ("US", b"\1\0\2\0", [Value("1", 1), Value("2", 2)]),
        ("US", b"\1\0\2", [Value("1", 1), Value("8194", 8194)]),
        ("FL", b"\0\0\0\x3f", [Value("0.5", 0.5, is_single=True)]),
        ("AT", b"\x18\0\x63\x10", [Value("(0018,1063)")]),
        ("LT", b"a\\b ", [Value("a\\b")]),
        ("PN", b"A^B^^", [Value("A^B")]),
        ("UI", b"1.2\0", [Value("1.2")]),
        ("LO", b"S\xfcd", [Value("Süd")]),
        ("UN", b"S\xfcd", [Value("Süd")]),
        ("OB", b"text", [Value("text")]),
    ],
)
def test_values_of_raw_bytes(vr, encoded, values):
    header = _header((0x00080005, "CS", b"ISO_IR 100"), (0x00091001, vr, encoded))
    assert values_at(header, (0x00091001,)) == values


@pytest.mark.parametrize("name", TRANSFER_SYNTAXES)
def test_what_pydicom_has_decoded_gives_the_same(tmp_path, name):
    path = make_object(tmp_path, transfer_syntax_uid=TRANSFER_SYNTAXES[name], rows=4)
    raw, decoded = header_from(path), header_from(path)
    for _ in decoded.iterall():
        pass
    for tag in raw.keys():  # noqa: SIM118 - iterating a Dataset decodes its elements
        assert values_at(raw, (tag,)) == values_at(decoded, (tag,)), tag


def test_an_item_has_the_character_set_of_what_holds_it_or_its_own():
    item = Dataset()
    item.CodeMeaning = "x"
    own = Dataset()
    own.SpecificCharacterSet = "ISO_IR 192"
    own.add_new("CodeMeaning", "LO", "Süd".encode())
    header = Dataset()
    header.SpecificCharacterSet = "ISO_IR 100"
    header.ConceptCodeSequence = [item, own]
    item.add_new("CodeMeaning", "LO", "Süd".encode("latin-1"))
    found = values_at(header, parse_path("ConceptCodeSequence.CodeMeaning"))
    assert found == [Value("Süd"), Value("Süd")]


def test_items_of_sequences_by_path(tmp_path):
    header = header_from(make_object(tmp_path, rows=4))
    assert len(items_at(header, parse_path("RequestAttributesSequence"))) == 2
    assert len(items_at(header, parse_path("RequestAttributesSequence.ScheduledProtocolCodeSequence"))) == 2
    assert (
        len(items_at(header, parse_path("RequestAttributesSequence[0].ScheduledProtocolCodeSequence"))) == 1
    )
    assert items_at(header, parse_path("Modality")) == []
    assert items_at(header, parse_path("ReferencedImageSequence")) == []


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0x00080060, 0x00100010, 0x00280010, 0x00091001]),
            st.sampled_from(sorted(KNOWN - {"SQ"})),
            st.binary(max_size=40),
        ),
        unique_by=lambda element: element[0],
    ),
    st.one_of(
        st.just(b""),
        st.binary(max_size=20),
        st.sampled_from([b"ISO_IR 192", b"\\ISO 2022 IR 87", b"GB18030"]),
    ),
)
def test_never_raises_nor_warns_whatever_the_bytes(elements, character_set):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # read_header's own, of pydicom
        header = _header(*sorted([(0x00080005, "CS", character_set), *elements]))
    for tag, _, _ in elements:
        for value in values_at(header, (tag,)):
            assert value.text.strip(" \0")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("+7", 7),
        (" 1.5 ", 1.5),
        ("1e2", 100.0),
        ("", None),
        ("1_0", None),
        ("inf", None),
        ("0x1", None),
    ],
)
def test_numbers_are_those_of_dicom(text, number):
    assert number_in(text) == number
