"""Transforms that work on pydicom's Dataset: only what they changed is encoded anew."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence

from hilum_sdk.elements import ElementsError

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def sample(name: str) -> Path:
    path = get_testdata_file(name)
    assert path is not None
    return Path(path)


def written(draft) -> bytes:
    out = io.BytesIO()
    draft.write_data_set(out)
    return out.getvalue()


def parsed(data_set: bytes, uid: str) -> Dataset:
    return read_dataset(io.BytesIO(data_set), uid == IMPLICIT, uid != BIG_ENDIAN)


def explicit(tag: int, vr: str, value: bytes) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    if vr in {"SQ", "OB", "OW", "UN", "UT"}:
        return head + struct.pack("<HL", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def sequence(tag: int, *items: bytes) -> bytes:
    return explicit(
        tag, "SQ", b"".join(struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item for item in items)
    )


UID = explicit(0x00080018, "UI", b"2.25.1")
ODD_DECIMAL = explicit(0x00180050, "DS", b"  1.50000  ")  # pydicom would write it otherwise


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "reportsi.dcm"]
)
def test_one_new_value_changes_that_element_alone(name, open_draft, data_set_of):
    path = sample(name)
    with open_draft(path) as draft:
        uid = draft.transfer_syntax_uid
        draft.dataset.PatientID = "NEW"
        draft.dataset.walk(lambda data_set, element: None)
        result = written(draft)
    with open_draft(path) as draft:
        draft.elements.put((0x00100020,), "LO", b"NEW")
        assert result == written(draft)
    assert parsed(result, uid).PatientID == "NEW"


def test_what_pydicom_would_write_otherwise_stays_when_it_was_only_read(make_file, open_draft):
    with open_draft(make_file(UID + ODD_DECIMAL, EXPLICIT)) as draft:
        assert draft.dataset.SliceThickness == 1.5
        draft.dataset.PatientID = "1"
        assert written(draft) == UID + explicit(0x00100020, "LO", b"1 ") + ODD_DECIMAL


def test_elements_are_added_and_removed(make_file, open_draft):
    with open_draft(make_file(UID + ODD_DECIMAL, EXPLICIT)) as draft:
        del draft.dataset.SliceThickness
        block = draft.dataset.private_block(0x0009, "ACME", create=True)
        block.add_new(1, "US", 7)
        assert written(draft) == (
            UID + explicit(0x00090010, "LO", b"ACME") + explicit(0x00091001, "US", b"\x07\0")
        )


def test_items_are_changed_in_place_added_reordered_and_removed(make_file, open_draft):
    items = [explicit(0x00080104, "LO", name) + ODD_DECIMAL for name in (b"a ", b"b ", b"c ")]
    path = make_file(UID + sequence(0x00081140, *items), EXPLICIT)
    with open_draft(path) as draft:
        found = draft.dataset[0x00081140].value
        found[1].CodeMeaning = "changed"
        new = Dataset()
        new.CodeMeaning = "new"
        draft.dataset[0x00081140].value = Sequence([found[2], new, found[1]])
        assert written(draft) == UID + sequence(
            0x00081140,
            items[2],
            explicit(0x00080104, "LO", b"new "),
            explicit(0x00080104, "LO", b"changed ") + ODD_DECIMAL,
        )


def test_an_item_that_is_put_twice_is_written_twice(make_file, open_draft):
    item = explicit(0x00080104, "LO", b"a ")
    with open_draft(make_file(UID + sequence(0x00081140, item), EXPLICIT)) as draft:
        found = draft.dataset[0x00081140].value
        found.append(found[0])
        assert written(draft) == UID + sequence(0x00081140, item, item)


def test_a_sequence_can_be_new_or_emptied(make_file, open_draft):
    with open_draft(make_file(UID + sequence(0x00081140, UID), EXPLICIT)) as draft:
        draft.dataset[0x00081140].value = Sequence()
        item = Dataset()
        item.CodeMeaning = "x"
        draft.dataset.ProcedureCodeSequence = [item]
        assert written(draft) == (
            UID + sequence(0x00081032, explicit(0x00080104, "LO", b"x ")) + sequence(0x00081140)
        )


def test_large_values_and_pixel_data_are_absent_and_stay(make_file, open_draft):
    large = explicit(0x00420011, "OB", b"\1" * 70_000)
    pixels = explicit(0x7FE00010, "OB", b"\2\2")
    behind = explicit(0xFFFCFFFC, "OB", b"\0\0")
    item = explicit(0x00080104, "LO", b"a ") + large
    path = make_file(UID + sequence(0x00081140, item) + large + pixels + behind, EXPLICIT)
    with open_draft(path) as draft:
        dataset = draft.dataset
        assert 0x00420011 not in dataset
        assert 0x7FE00010 not in dataset
        assert 0x00420011 not in dataset[0x00081140].value[0]
        del dataset[0xFFFCFFFC]
        dataset[0x00081140].value[0].CodeMeaning = "b"
        item = explicit(0x00080104, "LO", b"b ") + large
        assert written(draft) == UID + sequence(0x00081140, item) + large + pixels


def test_a_new_character_set_holds_for_all_text_whether_it_was_read_or_not(make_file, open_draft):
    latin = explicit(0x00100010, "PN", "Müller".encode("latin-1"))
    item = explicit(0x00080104, "LO", "Übe ".encode("latin-1"))
    greek = explicit(0x00080005, "CS", b"ISO_IR 126") + explicit(0x00080104, "LO", "Ω ".encode("iso8859-7"))
    path = make_file(
        explicit(0x00080005, "CS", b"ISO_IR 100") + UID + sequence(0x00081140, item, greek) + latin, EXPLICIT
    )
    with open_draft(path) as draft:
        draft.dataset.SpecificCharacterSet = "ISO_IR 192"
        result = written(draft)
    found = parsed(result, EXPLICIT)
    assert found.PatientName == "Müller"
    assert "Müller".encode() in result
    assert found[0x00081140].value[0].CodeMeaning == "Übe"
    assert greek in result, "an item with a character set of its own keeps it"


def test_text_that_the_character_set_has_not_is_refused_unquoted(make_file, open_draft):
    with open_draft(make_file(explicit(0x00080005, "CS", b"ISO_IR 100") + UID, EXPLICIT)) as draft:
        draft.dataset.PatientName = "Ж"
        with pytest.raises(ElementsError, match=r"\(0010,0010\)") as caught:
            draft.next_transform()
    assert "Ж" not in str(caught.value)


def test_a_value_that_cannot_be_encoded_is_refused_unquoted(make_file, open_draft):
    with open_draft(make_file(UID, EXPLICIT)) as draft:
        draft.dataset.Rows = "SECRET"
        with pytest.raises(ElementsError, match=r"\(0028,0010\)") as caught:
            draft.next_transform()
    assert "SECRET" not in str(caught.value)


def test_file_meta_elements_do_not_get_into_a_data_set(make_file, open_draft):
    with open_draft(make_file(UID, EXPLICIT)) as draft:
        draft.dataset.add_new(0x00020010, "UI", EXPLICIT)
        with pytest.raises(ElementsError, match=r"\(0002,0010\)"):
            draft.next_transform()


@pytest.mark.parametrize("name", ["MR_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"])
def test_numbers_that_depend_on_pixel_representation_are_encoded_by_it(name, open_draft):
    with open_draft(sample(name)) as draft:
        uid = draft.transfer_syntax_uid
        draft.dataset.SmallestImagePixelValue = -5
        item = Dataset()
        item.SmallestImagePixelValue = -6
        draft.dataset.ReferencedImageSequence = [item]
        found = parsed(written(draft), uid)
    assert found.PixelRepresentation == 1
    assert found.SmallestImagePixelValue == -5
    order = "big" if uid == BIG_ENDIAN else "little"
    nested = found.ReferencedImageSequence[0].get_item(0x00280106)
    assert nested.value == (-6).to_bytes(2, order, signed=True)


def test_pixel_data_that_a_transform_sets_is_taken(make_file, open_draft):
    path = make_file(UID + explicit(0x7FE00010, "OB", b"\2\2"), EXPLICIT)
    with open_draft(path) as draft:
        draft.dataset.add_new(0x7FE00010, "OB", b"\7\7\7\7")
        assert written(draft) == UID + explicit(0x7FE00010, "OB", b"\7\7\7\7")


def test_transforms_of_a_chain_see_what_came_before(open_draft):
    with open_draft(sample("CT_small.dcm")) as draft:
        draft.dataset.PatientID = "1"
        draft.next_transform()
        assert draft.elements.get((0x00100020,)).value == b"1 "
        draft.elements.put((0x00100020,), "LO", b"2")
        draft.elements.put((0x00081140, 0, 0x00080104), "LO", b"x")
        draft.next_transform()
        assert draft.dataset.PatientID == "2"
        draft.dataset[0x00081140].value[0].CodeMeaning = "y"
        draft.dataset.SOPInstanceUID = "2.25.5"
        draft.note("seen")
        draft.note("seen", count=2)
        assert parsed(written(draft), EXPLICIT)[0x00081140].value[0].CodeMeaning == "y"
        assert draft.sop_instance_uid == "2.25.5"
        assert draft.sop_class_uid == "1.2.840.10008.5.1.4.1.1.2"
        assert draft.notes == {"seen": 3}
        assert draft.changed
