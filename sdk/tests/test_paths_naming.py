import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import datadict

from hilum_sdk.paths import EVERY_ITEM, name_path, name_tag, parse_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("Modality", (0x00080060,)),
        ("(0008,0060)", (0x00080060,)),
        ("(0009,10fF)", (0x000910FF,)),
        ("RequestAttributesSequence", (0x00400275,)),
        ("RequestAttributesSequence.CodeValue", (0x00400275, EVERY_ITEM, 0x00080100)),
        ("RequestAttributesSequence[12].CodeValue", (0x00400275, 12, 0x00080100)),
        ("(0009,1003)[0].(0009,1001)", (0x00091003, 0, 0x00091001)),
        (" Modality ", (0x00080060,)),
    ],
)
def test_reads_names_of_elements(text, path):
    assert parse_path(text) == path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Modalty", "DICOM has no element called 'Modalty'; did you mean 'Modality'?"),
        ("modality", "DICOM has no element called 'modality'; did you mean 'Modality'?"),
        ("Qqqqqqqqqqqq", "DICOM has no element called 'Qqqqqqqqqqqq'; write a keyword such as Modality,"),
        ("", "'' names no element; write a keyword such as Modality, a tag such as (0008,0060),"),
        ("(8,60)", "'(8,60)' names no element"),
        ("00080060", "'00080060' names no element"),
        ("A..B", "DICOM has no element called 'A'"),
        ("Modality.CodeValue", "Modality has VR CS and is no sequence, so nothing stands below it"),
        (
            "RequestAttributesSequence[0]",
            (
                "'RequestAttributesSequence[0]' names an item; name an element of it, such as "
                "RequestAttributesSequence[0].CodeValue"
            ),
        ),
        (
            "RequestAttributesSequence[-1].CodeValue",
            "'RequestAttributesSequence[-1].CodeValue' names no element",
        ),
        ("(0000,0100)", "(0000,0100) is no element of a data set"),
        ("CommandField", "CommandField is no element of a data set"),
        ("Item", "Item is no element of a data set"),
        ("(FFFE,E00D)", "(FFFE,E00D) is no element of a data set"),
        ("__class__", "'__class__' names no element"),
    ],
)
def test_says_what_is_wrong_with_a_name(text, said):
    with pytest.raises(ValueError) as caught:
        parse_path(text)
    assert str(caught.value).startswith(said)


_TAGS = st.sampled_from(sorted(datadict.keyword_dict.values())).filter(
    lambda tag: tag >> 16 not in {0, 0xFFFE}
)
_SEQUENCES = st.one_of(
    st.just(0x00400275), st.just(0x00091003), st.integers(0x00110000, 0x0011FFFF).filter(lambda t: t & 0xFF00)
)


@given(st.lists(st.tuples(_SEQUENCES, st.integers(EVERY_ITEM, 10**6)), max_size=4), _TAGS)
def test_reads_what_it_writes(steps, last):
    path = (*(part for step in steps for part in step), last)
    assert parse_path(name_path(path)) == path


@given(st.text())
def test_any_text_is_a_path_or_a_value_error(text):
    try:
        path = parse_path(text)
    except ValueError:
        return
    assert len(path) % 2 == 1


def test_names_tags_by_keyword_or_number():
    assert name_tag(0x00080060) == "Modality"
    assert name_tag(0x00091001) == "(0009,1001)"
