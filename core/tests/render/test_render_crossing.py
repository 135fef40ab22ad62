"""A draft that goes to another process and back is written byte for byte as one that stayed."""

from __future__ import annotations

import io
import os
import warnings
from importlib.resources import files
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from hilum_core.render.crossing import pack_state, unpack_state
from hilum_sdk.elements import ElementsError, FileDraft, read_file_meta
from hilum_sdk.errors import HilumError
from hilum_sdk.testing import instance_from


def look(draft):
    list(draft.elements.walk())


def raw(draft):
    editor = draft.elements
    for path, element in editor.walk():
        if path[-1] & 0xFFFF0000 == 0x00100000 and not element.is_sequence:
            editor.remove(path)
    editor.put((0x00080080,), "LO", b"Hilum")
    editor.put((0x00400275, 0, 0x00400007), "LO", b"a step")
    editor.put((0x00291010,), "UN", b"x" * 100_001)


def nested(draft):
    editor = draft.elements
    for path, element in editor.walk():
        if len(path) > 1 and element.vr in {"LO", "SH", "UI", "UN"} and not element.is_sequence:
            editor.put(path, element.vr, b"1.2.3")


def parsed(draft):
    draft.dataset.PatientComments = "changed"
    item = Dataset()
    item.CodeValue = "1"
    draft.dataset.ProcedureCodeSequence = [item]


def pixels(draft):
    draft.replace_pixels("1.2.840.10008.1.2.4.50", [b"\xff\xd8" + b"p" * 70_000 + b"\xff\xd9"] * 2)


def stay(draft, step):
    step(draft)
    draft.next_transform()


def travel(draft, step, tmp_path):
    """What `ApartTransform` and `IsolatedTransform` do, with descriptors of their own as over a pipe."""
    there = cross(draft.state())
    away = FileDraft.resume(there, instance=draft.instance, scratch_dir=tmp_path)
    try:
        step(away)
        draft.take_over(cross(away.state()))
    finally:
        away.close()


def cross(state):
    record, descriptors = pack_state(state)
    return unpack_state(record, [os.dup(descriptor) for descriptor in descriptors])


def outcome(path, tmp_path, go):
    with path.open("rb") as stream:
        meta = read_file_meta(stream)
    size = path.stat().st_size - meta.data_set_offset
    try:
        with FileDraft.open(
            path,
            data_set_offset=meta.data_set_offset,
            data_set_length=size,
            transfer_syntax_uid=meta.transfer_syntax_uid,
            instance=instance_from(path),
            scratch_dir=tmp_path,
        ) as draft:
            go(draft)
            out = io.BytesIO()
            draft.write_data_set(out)
            return draft.transfer_syntax_uid, draft.sop_instance_uid, out.getvalue()
    except (ElementsError, HilumError, ValueError) as error:
        return type(error), str(error)


CHAINS = [[look], [raw], [nested], [parsed], [pixels], [raw, nested, parsed], [pixels, raw], [parsed, pixels]]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "+".join(step.__name__ for step in chain))
def test_a_draft_that_crossed_is_written_as_one_that_stayed(chain, tmp_path):
    compared = 0
    for path in sorted(Path(str(files("pydicom"))).rglob("*.dcm")):  # as installed: nothing is fetched
        try:
            instance_from(path)
        except Exception:  # noqa: BLE001 - what is no object of a class is of no use here
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")

            def at_home(draft):
                for step in chain:
                    stay(draft, step)

            def abroad(draft):
                for step in chain:
                    travel(draft, step, tmp_path)

            assert outcome(path, tmp_path, abroad) == outcome(path, tmp_path, at_home), path.name
        compared += 1
    assert compared > 50


@pytest.mark.parametrize(
    "change",
    [
        {"base": "AAAA"},
        {"base": {"file": 0, "offset": 0, "length": 1 << 40}},
        {"edits": [[1, 2]]},
        {"edits": 7},
    ],
)
def test_what_makes_no_sense_is_refused_and_its_files_are_closed(change, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345678")
    record = {
        "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        "base": {"file": 0, "offset": 0, "length": 8},
        "edits": [],
        "replaced": False,
        **change,
    }
    fd = os.open(path, os.O_RDONLY)
    with pytest.raises((ValueError, TypeError, KeyError)):
        unpack_state(record, [fd])
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
