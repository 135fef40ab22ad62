"""Every file that pydicom, pydicom-data and deid-data ship, broken ones included."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from hilum_sdk.elements import MalformedDataSet, read_file_meta, read_header
from hilum_sdk.elements.data_set import DataSet, items_of
from hilum_sdk.elements.segments import chunks_of
from hilum_sdk.elements.writer import pieces

DEFLATED = "1.2.840.10008.1.2.1.99"
PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}


def header_of(path: Path) -> Dataset:
    with path.open("rb") as stream:
        meta = read_file_meta(stream)
        stream.seek(meta.data_set_offset)
        return read_header(stream, meta.transfer_syntax_uid)


def test_untouched_leaves_as_it_came(headed_file, open_draft, data_set_of):
    out = io.BytesIO()
    with open_draft(headed_file) as draft:
        assert draft.write_data_set(out) == len(out.getvalue())
        assert not draft.changed
    assert out.getvalue() == data_set_of(headed_file)


def test_every_element_is_found_and_reading_it_changes_nothing(whole_file, open_draft, data_set_of):
    with open_draft(whole_file) as draft:
        number = 0
        for path, element in draft.elements.walk():
            assert path[-1] == element.tag
            assert len(element.vr) == 2
            assert element.value is not None
            number += 1
        assert number
        assert not draft.changed


def test_every_container_can_be_written_anew_to_the_same_bytes(whole_file, open_draft, data_set_of, meta_of):
    with open_draft(whole_file) as draft:
        top = draft.elements._top
        todo: list[DataSet] = [top]
        while todo:
            data_set = todo.pop()
            data_set.changed = True
            for element in data_set.elements():
                if element.is_sequence:
                    element.changed = True
                    todo.extend(items_of(element))
        written = b"".join(chunks_of(pieces(top)))
    expected = data_set_of(whole_file)
    if meta_of(whole_file).transfer_syntax_uid == DEFLATED:
        expected = zlib.decompress(expected, -15)
    assert written == expected


def test_looking_at_everything_through_pydicom_changes_nothing(whole_file, open_draft):
    with open_draft(whole_file) as draft:
        draft.dataset.walk(lambda data_set, element: None)
        draft.next_transform()
        assert not draft.changed


def test_the_header_is_what_pydicom_reads(whole_file):
    ours, theirs = header_of(whole_file), pydicom.dcmread(whole_file)
    assert ours.original_character_set == theirs.original_character_set
    compare(ours, theirs)
    left_out = set(theirs.keys()) - set(ours.keys())
    for tag in left_out - PIXELS:
        assert len(theirs.get_item(tag).value) > 0xFFFF


def compare(ours: Dataset, theirs: Dataset) -> None:
    """Compare what both have, at every depth; what cannot be decoded must be so for both."""
    todo = [(ours, theirs)]
    while todo:
        a, b = todo.pop()
        for tag in a.keys():  # noqa: SIM118 - iterating a Dataset decodes
            x, y = element_or_error(a, tag), element_or_error(b, tag)
            if isinstance(x, type) or isinstance(y, type):
                assert x is y
            elif x.VR == "SQ" and y.VR == "SQ":
                assert len(x.value) == len(y.value)
                todo.extend(zip(x.value, y.value, strict=True))
            elif x.VR == "SQ":
                assert y.VR == "UN", "a private sequence, which pydicom does not know for one"
            else:
                assert x.VR == y.VR
                assert x.value == y.value or repr(x.value) == repr(y.value)


def element_or_error(data_set: Dataset, tag: int) -> object:
    try:
        return data_set[tag]
    except Exception as error:  # noqa: BLE001 - pydicom raises many kinds
        return type(error)


def test_a_few_needs_give_the_same_elements_as_reading_all(whole_file):
    everything = header_of(whole_file)
    needs = {0x00080018, 0x00080060, 0x0020000D, 0x00081140, 0x00282000}
    with whole_file.open("rb") as stream:
        meta = read_file_meta(stream)
        stream.seek(meta.data_set_offset)
        few = read_header(stream, meta.transfer_syntax_uid, needs=needs)
    assert needs & set(everything.keys()) <= set(few.keys()) <= needs | {0x00080005, 0x00280103}
    compare(few, everything)


def test_a_file_without_file_meta_information_is_refused(file_without_meta):
    with file_without_meta.open("rb") as stream, pytest.raises(MalformedDataSet):
        read_file_meta(stream)


def test_elements_that_are_cut_short_are_refused(file_cut_short, open_draft):
    with pytest.raises(MalformedDataSet, match="offset"):
        header_of(file_cut_short)
    with open_draft(file_cut_short) as draft, pytest.raises(MalformedDataSet, match="offset"):
        for _ in draft.elements.walk():
            pass


def test_pixels_that_are_cut_short_can_be_routed_but_not_transformed(file_cut_short_in_pixels, open_draft):
    assert "Modality" in header_of(file_cut_short_in_pixels)
    with open_draft(file_cut_short_in_pixels) as draft, pytest.raises(MalformedDataSet, match="offset"):
        draft.elements.put((0x00100020,), "LO", b"1")
