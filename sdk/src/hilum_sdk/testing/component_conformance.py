"""What is asked of every component: how it registers, how it is configured, how it opens and closes."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

import attrs
import pluggy
import pytest

from hilum_sdk import hookspecs
from hilum_sdk.components import Component
from hilum_sdk.config import ConfigProblems, describe, structure
from hilum_sdk.errors import DestinationUnavailable
from hilum_sdk.specs import ComponentSpec
from hilum_sdk.testing.context import FakeContext
from hilum_sdk.testing.objects import PLANTED

C = TypeVar("C", bound=Component)

_CLOSE_WITHIN = timedelta(seconds=5)


class ComponentConformance:
    """The tests that every component passes. Inherit from one of its subclasses.

    Attributes
    ----------
    plugin
        The module that your entry point names.
    type
        The name of the component in the config.
    """

    plugin: ClassVar[ModuleType]
    type: ClassVar[str]
    _kind: ClassVar[str]

    # ---- what you give

    @pytest.fixture
    def table(self, tmp_path: Path) -> Mapping[str, Any]:
        """Override: the component's table of the config, as TOML reads it."""
        raise NotImplementedError("override the fixture `table`: a config of your component")

    @pytest.fixture
    def context(self, tmp_path: Path) -> FakeContext:
        """Override where your component needs more than a `FakeContext` as it comes."""
        return FakeContext(tmp_path / "context")

    # ---- what you get

    @pytest.fixture
    def spec(self) -> ComponentSpec:
        """What the plugin registers for `type`."""
        specs = [spec for spec in registered_specs(self.plugin, self._kind) if spec.type == self.type]
        assert len(specs) == 1, f"registered {len(specs)} components of type {self.type!r}, not one"
        return specs[0]

    @pytest.fixture
    def config(self, spec: ComponentSpec, table: Mapping[str, Any]) -> Any:
        """The config, read as the core reads it."""
        return structure(table, spec.config, where=f"{self._kind}.{self.type}")

    @pytest.fixture
    def component(self, spec: ComponentSpec, config: Any, context: FakeContext) -> Iterator[Any]:
        """An open component."""
        component = create(spec, config, context)
        component.open()
        yield component
        component.close(_CLOSE_WITHIN)

    # ---- what is asked

    def test_entry_point_names_the_plugin(self) -> None:
        declared = metadata.entry_points(group=f"hilum.{self._kind}", name=self.type)
        assert self.plugin.__name__ in {point.value for point in declared}

    def test_config_class_is_frozen(self, spec: ComponentSpec) -> None:
        assert attrs.has(spec.config)
        assert spec.config.__setattr__ is not object.__setattr__, "make it an attrs.frozen class"

    def test_unknown_keys_are_refused(self, spec: ComponentSpec, table: Mapping[str, Any]) -> None:
        with pytest.raises(ConfigProblems):
            structure({**table, "no_such_key": 1}, spec.config)

    def test_every_setting_is_explained(self, spec: ComponentSpec) -> None:
        unexplained = [field.key for field in describe(spec.config) if not field.help]
        assert not unexplained, f"say what they do: attrs.field(metadata=about(…)): {unexplained}"

    def test_summary_is_one_line(self, spec: ComponentSpec) -> None:
        assert spec.summary.strip()
        assert "\n" not in spec.summary

    def test_opens_and_closes_more_than_once(
        self, spec: ComponentSpec, config: Any, context: FakeContext
    ) -> None:
        component = create(spec, config, context)
        for _ in range(2):
            component.open()
            component.probe()
            component.close(_CLOSE_WITHIN)
            component.close(_CLOSE_WITHIN)

    def test_closes_unopened(self, spec: ComponentSpec, config: Any, context: FakeContext) -> None:
        create(spec, config, context).close(_CLOSE_WITHIN)

    def test_probe_works_unopened(self, spec: ComponentSpec, config: Any, context: FakeContext) -> None:
        try:
            create(spec, config, context).probe()
        except DestinationUnavailable as error:
            pytest.fail(f"the destination of the tests cannot be used: {error}")


def registered_specs(plugin: ModuleType, kind: str) -> Sequence[ComponentSpec]:
    """Ask a plugin module for what it registers, as the core does: misspelt hooks are refused."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(plugin)
    manager.check_pending()
    answers = getattr(manager.hook, f"hilum_register_{kind}")()
    return [spec for answer in answers for spec in answer]


def create(spec: ComponentSpec, config: Any, context: FakeContext) -> Any:
    """Make a component as the core does."""
    make = spec.create
    if isinstance(make, str):
        module, _, name = make.partition(":")
        make = getattr(import_module(module), name)
    return make(config, context)


def assert_silent_about_patients(context: FakeContext, *errors: BaseException | None) -> None:
    """See that neither log nor errors quote what identifies the patient of a test object.

    What an error was raised ``from`` counts, because it is logged with it.
    """
    told = list(context.log_lines)
    for error in errors:
        link = error
        while link is not None:
            told.append(str(link))
            link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    quoted = {value for value in PLANTED for text in told if value in text}
    assert not quoted, f"quoted in errors or the log: {sorted(quoted)}"
