"""What is asked of a filter."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from hilum_sdk.components import Filter
from hilum_sdk.errors import HilumError
from hilum_sdk.records import Instance
from hilum_sdk.specs import ComponentSpec, FilterSpec
from hilum_sdk.testing.component_conformance import (
    ComponentConformance,
    assert_silent_about_patients,
    create,
)
from hilum_sdk.testing.context import FakeContext
from hilum_sdk.testing.hostile import hostile_objects
from hilum_sdk.testing.objects import header_from, instance_from, make_object


class FilterConformance(ComponentConformance):
    """The tests that every filter passes; inherit, and give `plugin`, `type` and the fixture `table`."""

    _kind: ClassVar[str] = "filters"

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Sequence[Path]:
        """Override to add objects that your filter is about; DICOM files."""
        folder = tmp_path / "objects"
        return [make_object(folder, seed=1, rows=16), *hostile_objects(folder)]

    @pytest.fixture(autouse=True)
    def _as_in_the_router(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's are switched off there: they quote values
            yield

    def test_is_a_filter(self, spec: ComponentSpec, component: Any) -> None:
        assert isinstance(spec, FilterSpec)
        assert isinstance(component, Filter)

    def test_answers_the_same_for_what_it_says_it_needs(
        self, component: Filter, objects: Sequence[Path]
    ) -> None:
        for path in objects:
            instance = instance_from(path)
            whole = ask(component, header_from(path), instance)
            needed = ask(component, header_from(path, needs=component.needs), instance)
            assert needed == whole, f"{path.stem}: the answer depends on elements that are not in `needs`"

    def test_answers_the_same_again(
        self, spec: ComponentSpec, config: Any, context: FakeContext, objects: Sequence[Path]
    ) -> None:
        first, second = create(spec, config, context), create(spec, config, context)
        for component in (first, second):
            component.open()
        for path in objects:
            header, instance = header_from(path), instance_from(path)
            answers = [ask(component, header, instance) for component in (first, first, second)]
            assert answers[0] == answers[1] == answers[2], path.stem

    def test_survives_hostile_objects(
        self, component: Filter, context: FakeContext, objects: Sequence[Path]
    ) -> None:
        for path in objects:
            header, instance = header_from(path), instance_from(path)
            answer = ask(component, header, instance)
            assert isinstance(component.explain(header, instance), str)
            assert_silent_about_patients(context, answer if isinstance(answer, HilumError) else None)

    def test_leaves_the_header_as_it_is(self, component: Filter, objects: Sequence[Path]) -> None:
        for path in objects:
            header, instance = header_from(path), instance_from(path)
            ask(component, header, instance)
            component.explain(header, instance)
            assert same_elements(header, header_from(path)), f"{path.stem}: the header was changed"


def ask(component: Filter, header: Dataset, instance: Instance) -> bool | HilumError:
    """Ask a filter. What it may raise is an answer, too; what it may not, passes through."""
    try:
        answer = component.matches(header, instance)
    except HilumError as error:
        return error
    assert isinstance(answer, bool), f"answered {answer!r}, which is neither True nor False"
    return answer


def same_elements(one: Dataset, other: Dataset) -> bool:
    """Whether two headers hold the same; it does not matter which elements pydicom has decoded."""
    if list(one.keys()) != list(other.keys()):
        return False
    for tag in one.keys():  # noqa: SIM118 - iterating a Dataset decodes its elements
        mine: Any = one.get_item(tag)
        theirs: Any = other.get_item(tag)
        if not isinstance(mine, RawDataElement):
            theirs = other[tag]
        if mine.value != theirs.value:
            return False
    return True
