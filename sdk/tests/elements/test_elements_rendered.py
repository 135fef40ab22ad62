"""What the core does with a draft beside the transforms: changes, signatures, originals, structure."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.filebase import DicomFileLike
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from hilum_sdk.elements import (
    ElementsError,
    MalformedDataSet,
    drop_signatures,
    record_originals,
    remember,
)

EXPLICIT = "1.2.840.10008.1.2.1"
AT = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
SIGNATURES, MAC = 0xFFFAFFFA, 0x4FFE0001
REFERENCED, INSTANCE = 0x00081140, 0x00081155


def sample(name="CT_small.dcm"):
    return Path(str(get_testdata_file(name)))


def written(draft):
    out = io.BytesIO()
    draft.write_data_set(out)
    out.seek(0)
    return dcmread(out, force=True)


def signed(uid):
    item = Dataset()
    item.ReferencedSOPInstanceUID = uid
    item.add_new(SIGNATURES, "SQ", [_signature()])
    return item


def _signature():
    signature = Dataset()
    signature.MACIDNumber = 1
    return signature


@pytest.fixture
def signed_file(make_file):
    """Signed at the top and in both items of a sequence."""
    ds = Dataset()
    ds.SOPInstanceUID = "2.25.1"
    ds.PatientName = "Doe^Jane"
    ds.ReferencedImageSequence = Sequence([signed("1.2.3"), signed("1.2.4")])
    ds.add_new(MAC, "SQ", [_signature()])
    ds.add_new(SIGNATURES, "SQ", [_signature()])
    out = io.BytesIO()
    encoder = DicomFileLike(out)
    encoder.is_implicit_VR, encoder.is_little_endian = False, True
    write_dataset(encoder, ds)
    return make_file(out.getvalue(), EXPLICIT)


# ---- what was changed


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "image_dfl.dcm", "rtplan.dcm"])
def test_nothing_has_changed_in_what_is_merely_looked_at(open_draft, name):
    with open_draft(sample(name)) as draft:
        assert list(draft.elements.walk())
        assert draft.changed_keywords == []
        assert str(draft.dataset)
        assert draft.changed_keywords == []


def test_what_was_set_added_or_removed_is_named_by_keyword_at_every_depth(open_draft, signed_file):
    with open_draft(signed_file) as draft:
        draft.elements.put((0x00100010,), "PN", b"A")
        draft.elements.put((REFERENCED, 1, INSTANCE), "UI", b"2.25.7")
        draft.elements.put((0x00090010,), "LO", b"ACME")
        draft.elements.remove((MAC,))
        assert draft.changed_keywords == [
            "(0009,0010)",
            "MACParametersSequence",
            "PatientName",
            "ReferencedSOPInstanceUID",
        ]


def test_what_was_set_to_what_it_was_is_not_named(open_draft):
    with open_draft(sample()) as draft:
        name = draft.elements.get((0x00100010,)).value
        draft.elements.put((0x00100010,), "PN", name)
        assert draft.changed_keywords == []


def test_items_that_come_or_go_are_named_by_their_sequence(open_draft, signed_file):
    with open_draft(signed_file) as draft:
        del draft.dataset.ReferencedImageSequence[1]
        assert draft.changed_keywords == ["ReferencedImageSequence"]


def test_what_was_changed_before_the_pixels_were_replaced_is_not_forgotten(open_draft):
    with open_draft(sample()) as draft:
        draft.elements.put((0x00100010,), "PN", b"A")
        draft.next_transform()
        draft.replace_pixels("1.2.840.10008.1.2", list(draft.frames()))
        draft.next_transform()
        draft.elements.remove((0x00080060,))
        assert draft.changed_keywords == ["Modality", "PatientName", "PixelData"]


# ---- signatures


def test_signatures_of_what_was_changed_go_and_others_stay(open_draft, signed_file):
    with open_draft(signed_file) as draft:
        draft.elements.put((REFERENCED, 1, INSTANCE), "UI", b"2.25.7")
        assert drop_signatures(draft.top) == 3
        ds = written(draft)
    assert MAC not in ds and SIGNATURES not in ds
    kept, changed = ds.ReferencedImageSequence
    assert SIGNATURES in kept
    assert SIGNATURES not in changed


def test_signatures_of_what_was_not_changed_stay(open_draft, signed_file, data_set_of):
    with open_draft(signed_file) as draft:
        assert list(draft.elements.walk())
        assert drop_signatures(draft.top) == 0
        out = io.BytesIO()
        draft.write_data_set(out)
    assert out.getvalue() == data_set_of(signed_file)


def test_signatures_in_a_sequence_that_came_from_another_process_go(open_draft, signed_file):
    with open_draft(signed_file) as there, open_draft(signed_file) as here:
        there.elements.put((REFERENCED, 1, INSTANCE), "UI", b"2.25.7")
        here.take_over(there.state())
        assert "ReferencedSOPInstanceUID" in here.changed_keywords
        assert drop_signatures(here.top) == 4
        ds = written(here)
    assert [SIGNATURES in item for item in ds.ReferencedImageSequence] == [False, False]


# ---- original attributes


def recorded(draft, change, reason="COERCE"):
    before = remember(draft.top)
    change(draft)
    record_originals(draft.top, before, system="HILUM", reason=reason, at=AT)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"])
def test_what_was_replaced_or_removed_is_recorded_with_system_reason_and_time(open_draft, name):
    was = dcmread(sample(name))

    def change(draft):
        draft.elements.put((0x00100010,), "PN", b"A")
        draft.elements.remove((0x00080060,))
        draft.elements.put((0x00080081,), "ST", b"here")

    with open_draft(sample(name)) as draft:
        recorded(draft, change)
        out = io.BytesIO()
        draft.write_data_set(out)
        transfer_syntax = draft.transfer_syntax_uid
    stream = io.BytesIO(out.getvalue())
    ds = read_dataset(stream, transfer_syntax == "1.2.840.10008.1.2", not transfer_syntax.endswith(".2.2"))
    (item,) = ds.OriginalAttributesSequence
    assert (item.ModifyingSystem, item.ReasonForTheAttributeModification) == ("HILUM", "COERCE")
    assert item.AttributeModificationDateTime == "20260131123000.000000+0000"
    assert item.SourceOfPreviousValues in ("", None)
    (values,) = item.ModifiedAttributesSequence
    assert (values.PatientName, values.Modality) == (was.PatientName, was.Modality)
    added = "InstitutionAddress" not in was
    assert len(values) == (2 if added else 3)


def test_what_a_second_transform_changes_gets_an_item_of_its_own(open_draft):
    with open_draft(sample()) as draft:
        recorded(draft, lambda d: d.elements.put((0x00100010,), "PN", b"A"))
        recorded(draft, lambda d: d.elements.put((0x00100020,), "LO", b"7"), "CORRECT")
        recorded(draft, lambda d: None)
        first, second = written(draft).OriginalAttributesSequence
    assert [element.keyword for element in first.ModifiedAttributesSequence[0]] == ["PatientName"]
    assert [element.keyword for element in second.ModifiedAttributesSequence[0]] == ["PatientID"]


def test_a_change_deep_in_a_sequence_records_the_whole_of_it(open_draft, signed_file):
    with open_draft(signed_file) as draft:
        recorded(draft, lambda d: d.elements.put((REFERENCED, 1, INSTANCE), "UI", b"2.25.7"))
        ds = written(draft)
    (values,) = ds.OriginalAttributesSequence[0].ModifiedAttributesSequence
    assert [item.ReferencedSOPInstanceUID for item in values.ReferencedImageSequence] == ["1.2.3", "1.2.4"]


def test_originals_in_another_encoding_are_refused(open_draft):
    def change(draft):
        draft.replace_pixels("1.2.840.10008.1.2", list(draft.frames()))

    with open_draft(sample()) as draft, pytest.raises(ElementsError, match="another encoding"):
        recorded(draft, lambda d: (d.elements.put((0x00100010,), "PN", b"A"), change(d)))


# ---- structure


def test_the_structure_of_whole_files_is_sound(open_draft, whole_file):
    with open_draft(whole_file) as draft:
        draft.examine()


def test_that_of_files_that_are_cut_short_is_not(open_draft, file_cut_short):
    with open_draft(file_cut_short) as draft, pytest.raises(MalformedDataSet):
        draft.examine()
