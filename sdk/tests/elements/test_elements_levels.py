"""Deciding about every element of a data set, level by level."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from hilum_sdk import Fate
from hilum_sdk.elements import LimitExceeded, Limits

NAMES = [
    "CT_small.dcm",
    "MR_small_bigendian.dcm",
    "rtplan.dcm",
    "reportsi.dcm",
    "UN_sequence.dcm",
    "image_dfl.dcm",
]


@pytest.fixture(params=NAMES)
def path(request):
    return Path(str(get_testdata_file(request.param)))


def written(draft):
    out = io.BytesIO()
    draft.write_data_set(out)
    return out.getvalue()


def test_levels_come_with_all_elements_that_a_walk_finds(open_draft, path):
    with open_draft(path) as draft:
        walked = sorted(element.tag for _, element in draft.elements.walk())
        met: list[int] = []

        def look(element):
            met.append(element.tag)
            return Fate.KEEP

        for level in draft.elements.levels():
            before = len(met)
            level.rewrite(look)
            assert [element.tag for element in level.contents()] == met[before:]
            assert (level.parent is None) == (level.sequence is None)
        assert sorted(met) == walked
        assert not draft.changed


def test_elements_are_removed_emptied_and_given_values_at_every_depth(open_draft, path):
    def decide(element):
        if element.tag >> 16 == 0x0010:
            return Fate.REMOVE
        if element.is_sequence or element.vr in {"OB", "OW", "SQ"}:
            return Fate.KEEP
        return b"1.2.3" if element.vr == "UI" else b"" if element.vr == "LO" else Fate.KEEP

    with open_draft(path) as draft, open_draft(path) as walked:
        for level in draft.elements.levels():
            level.rewrite(decide)
        for place, element in walked.elements.walk():
            fate = decide(element)
            if fate is Fate.REMOVE:
                walked.elements.remove(place)
            elif isinstance(fate, bytes):
                walked.elements.put(place, element.vr, fate)
        assert written(draft) == written(walked)


def test_a_value_that_is_there_already_leaves_the_bytes(open_draft, path):
    with open_draft(path) as draft:
        for level in draft.elements.levels():
            level.rewrite(lambda e: e.value if e.vr == "UI" and not e.is_sequence else Fate.KEEP)
        assert not draft.changed


def test_items_are_removed_with_all_below_them(open_draft):
    path = Path(str(get_testdata_file("rtplan.dcm")))
    with open_draft(path) as draft:
        for level in draft.elements.levels():
            if level.sequence is not None and level.sequence.tag == 0x300A0111:  # Control Point Sequence
                level.remove()
        out = written(draft)
    expected = pydicom.dcmread(path)
    assert len(expected.BeamSequence[0].ControlPointSequence) > 1
    expected.BeamSequence[0].ControlPointSequence = []
    found = pydicom.filereader.read_dataset(io.BytesIO(out), True, True)
    assert found.BeamSequence == expected.BeamSequence


def test_a_level_shows_its_elements_by_path_and_takes_new_ones(open_draft):
    with open_draft(Path(str(get_testdata_file("rtplan.dcm")))) as draft:
        for level in draft.elements.levels():
            if level.sequence is not None and level.sequence.tag == 0x300A00B0:  # Beam Sequence
                assert level.elements.get((0x300A00C0,)) is not None
                level.elements.put((0x300A00C3,), "ST", b"a description")
        out = written(draft)
    found = pydicom.filereader.read_dataset(io.BytesIO(out), True, True)
    assert [beam.BeamDescription for beam in found.BeamSequence] == ["a description"]


@pytest.mark.parametrize("value", [b"x", "text", None])
def test_a_sequence_takes_no_value_but_none_at_all(open_draft, value):
    with open_draft(Path(str(get_testdata_file("rtplan.dcm")))) as draft:
        top = next(iter(draft.elements.levels()))
        with pytest.raises((ValueError, TypeError)):
            top.rewrite(lambda e: value if e.is_sequence else Fate.KEEP)
        top.rewrite(lambda e: b"" if e.is_sequence else Fate.KEEP)
        assert not [level for level in top.elements.levels() if level.sequence is not None]


def test_the_data_set_itself_is_no_item(open_draft):
    with (
        open_draft(Path(str(get_testdata_file("rtplan.dcm")))) as draft,
        pytest.raises(ValueError, match="no item"),
    ):
        next(iter(draft.elements.levels())).remove()


def test_levels_end_at_the_limit(open_draft):
    with (
        open_draft(Path(str(get_testdata_file("rtplan.dcm"))), limits=Limits(depth=1)) as draft,
        pytest.raises(LimitExceeded, match="nested deeper than 1"),
    ):
        list(draft.elements.levels())
