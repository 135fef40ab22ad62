"""What is asked of a transform."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import io
import warnings
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pydicom
import pytest

from hilum_sdk.components import Transform
from hilum_sdk.elements import minimal_file_meta, read_file_meta, read_header
from hilum_sdk.errors import HilumError
from hilum_sdk.records import Discard, Hold
from hilum_sdk.specs import ComponentSpec, TransformSpec
from hilum_sdk.testing.component_conformance import (
    ComponentConformance,
    assert_silent_about_patients,
    create,
)
from hilum_sdk.testing.context import FakeContext
from hilum_sdk.testing.hostile import hostile_objects
from hilum_sdk.testing.objects import PLANTED, TRANSFER_SYNTAXES, draft_from, instance_from, make_object

Outcome = bytes | Discard | Hold | HilumError


class TransformConformance(ComponentConformance):
    """The tests that every transform passes; inherit, and give `plugin`, `type` and the fixture `table`."""

    _kind: ClassVar[str] = "transforms"

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Sequence[Path]:
        """Override to add objects that your transform is about; DICOM files."""
        folder = tmp_path / "objects"
        return [make_object(folder, seed=1, transfer_syntax_uid=uid) for uid in TRANSFER_SYNTAXES.values()]

    @pytest.fixture
    def hostile(self, tmp_path: Path) -> Sequence[Path]:
        """Override to leave out what your transform may do anything with."""
        return hostile_objects(tmp_path / "hostile")

    @pytest.fixture(autouse=True)
    def _as_in_the_router(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's are switched off there: they quote values
            yield

    def test_is_a_transform(self, spec: ComponentSpec, component: Any) -> None:
        assert isinstance(spec, TransformSpec)
        assert isinstance(component, Transform)

    def test_gives_the_same_bytes_again(
        self,
        spec: ComponentSpec,
        config: Any,
        context: FakeContext,
        objects: Sequence[Path],
        hostile: Sequence[Path],
    ) -> None:
        first, second = create(spec, config, context), create(spec, config, context)
        for component in (first, second):
            component.open()
        for path in [*objects, *hostile]:
            outcomes = [transform(component, path) for component in (first, first, second)]
            if isinstance(outcomes[0], HilumError):
                assert len({str(outcome) for outcome in outcomes}) == 1, path.stem
            else:
                assert outcomes[0] == outcomes[1] == outcomes[2], path.stem
        assert first.fingerprint() == second.fingerprint()

    def test_keeps_pixels_bit_for_bit(
        self, spec: TransformSpec, config: Any, component: Transform, objects: Sequence[Path]
    ) -> None:
        if spec.needs_pixels(config):
            return  # it may change them
        for path in objects:
            outcome = transform(component, path)
            if isinstance(outcome, bytes):
                assert pixels_of(outcome, path) == pydicom.dcmread(path).PixelData, path.stem

    def test_gives_readable_objects(
        self, component: Transform, objects: Sequence[Path], hostile: Sequence[Path]
    ) -> None:
        for path in [*objects, *hostile]:
            outcome = transform(component, path)
            if isinstance(outcome, bytes):
                read_header(io.BytesIO(outcome), instance_from(path).transfer_syntax_uid)

    def test_hides_what_identifies_if_it_says_so(
        self, spec: TransformSpec, config: Any, component: Transform, objects: Sequence[Path]
    ) -> None:
        if not spec.deidentifies(config):
            return  # it does not claim to
        for path in objects:
            outcome = transform(component, path)
            if isinstance(outcome, bytes):
                is_deflated = instance_from(path).transfer_syntax_uid == TRANSFER_SYNTAXES["deflated"]
                plain = zlib.decompress(outcome, -zlib.MAX_WBITS) if is_deflated else outcome
                assert not [value for value in PLANTED if value.encode() in plain], path.stem

    def test_is_silent_about_patients(
        self, component: Transform, context: FakeContext, objects: Sequence[Path], hostile: Sequence[Path]
    ) -> None:
        for path in [*objects, *hostile]:
            outcome = transform(component, path)
            assert_silent_about_patients(context, outcome if isinstance(outcome, HilumError) else None)
            if isinstance(outcome, Hold):
                assert not [value for value in PLANTED if value in outcome.reason]


def transform(component: Transform, path: Path) -> Outcome:
    """Apply a transform to a file: the data set it renders, or what it says or raises instead."""
    with draft_from(path) as draft:
        try:
            said = component.apply(draft)
        except HilumError as error:
            return error
        if said is not None:
            assert isinstance(said, Discard | Hold), f"apply returned {said!r}"
            return said
        out = io.BytesIO()
        draft.write_data_set(out)
        return out.getvalue()


def pixels_of(data_set: bytes, like: Path) -> bytes:
    """Give the encoded pixels of a data set that was made of this file."""
    with like.open("rb") as file:
        meta = read_file_meta(file)
    head = minimal_file_meta(
        sop_class_uid=meta.sop_class_uid,
        sop_instance_uid=meta.sop_instance_uid,
        transfer_syntax_uid=meta.transfer_syntax_uid,
    )
    pixels: bytes = pydicom.dcmread(io.BytesIO(head + data_set)).PixelData
    return pixels
