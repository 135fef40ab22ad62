"""Plugins with one defect each, under the suites. Run by `test_testing_conformance.py`, not by itself."""

import random
import types
from pathlib import Path

import attrs
import pytest

from hilum_sdk import (
    Filter,
    FilterSpec,
    PermanentError,
    Receipt,
    Sink,
    SinkSpec,
    Transform,
    TransformSpec,
    about,
    hookimpl,
)
from hilum_sdk.testing import FilterConformance, SinkConformance, TransformConformance, data_set_bytes


def _plugin(hook, **spec):
    """Make a plugin module that registers one component of type ``it``."""
    module = types.ModuleType("defective")
    make = {"filters": FilterSpec, "transforms": TransformSpec, "sinks": SinkSpec}[hook]

    def register():
        yield make(type="it", summary="Defective", **spec)

    register.__name__ = f"hilum_register_{hook}"
    setattr(module, register.__name__, hookimpl(register))
    return module


@attrs.frozen(kw_only=True)
class NoConfig:
    pass


# ---- filters


class SoundFilter(Filter):
    needs = frozenset({0x00080060})

    def matches(self, header, instance):
        return b"CT" in bytes(getattr(header.get_item(0x00080060), "value", None) or b"")


class FilterSuite(FilterConformance):
    type = "it"
    component_class = SoundFilter

    @pytest.fixture
    def table(self):
        return {}


class TestSoundFilter(FilterSuite):
    plugin = _plugin("filters", config=NoConfig, create=SoundFilter)


class FilterThatReadsMore(SoundFilter):
    needs = frozenset({0x00080060})

    def matches(self, header, instance):
        return "PatientID" in header


class TestFilterThatReadsMore(FilterSuite):
    plugin = _plugin("filters", config=NoConfig, create=FilterThatReadsMore)


class FilterThatForgets(SoundFilter):
    asked = 0

    def matches(self, header, instance):
        self.asked += 1
        return self.asked == 2


class TestFilterThatForgets(FilterSuite):
    plugin = _plugin("filters", config=NoConfig, create=FilterThatForgets)

    def test_answers_the_same_for_what_it_says_it_needs(self):
        """That it forgets shows there, too."""


class FilterThatChangesTheHeader(SoundFilter):
    def matches(self, header, instance):
        header.pop(0x00080016, None)
        return True


class TestFilterThatChangesTheHeader(FilterSuite):
    plugin = _plugin("filters", config=NoConfig, create=FilterThatChangesTheHeader)


class FilterThatQuotes(SoundFilter):
    needs = None

    def matches(self, header, instance):
        if 0x00100020 in header:
            raise PermanentError(f"odd patient: {header.get_item(0x00100020).value}")
        return True


class TestFilterThatQuotes(FilterSuite):
    plugin = _plugin("filters", config=NoConfig, create=FilterThatQuotes)

    def test_answers_the_same_for_what_it_says_it_needs(self):
        """Errors are never equal."""

    def test_answers_the_same_again(self):
        """Errors are never equal."""


@attrs.frozen(kw_only=True)
class UnexplainedConfig:
    depth: int = 1


class TestUnexplainedFilter(FilterSuite):
    plugin = _plugin("filters", config=UnexplainedConfig, create=SoundFilter)


# ---- transforms


class SoundTransform(Transform):
    def apply(self, draft):
        draft.elements.put((0x00080080,), "LO", b"HILUM")


class TransformSuite(TransformConformance):
    type = "it"

    @pytest.fixture
    def table(self):
        return {}


class TestSoundTransform(TransformSuite):
    plugin = _plugin("transforms", config=NoConfig, create=SoundTransform)


class TransformThatRolls(Transform):
    def apply(self, draft):
        draft.elements.put((0x00080080,), "LO", random.randbytes(8).hex().encode())


class TestTransformThatRolls(TransformSuite):
    plugin = _plugin("transforms", config=NoConfig, create=TransformThatRolls)


class TransformThatTouchesPixels(Transform):
    def apply(self, draft):
        if draft.transfer_syntax_uid == "1.2.840.10008.1.2.1" and draft.elements.get((0x7FE00010,)):
            draft.elements.put((0x7FE00010,), "OW", bytes(8))


class TestTransformThatTouchesPixels(TransformSuite):
    plugin = _plugin("transforms", config=NoConfig, create=TransformThatTouchesPixels)


class TransformThatQuotes(Transform):
    def apply(self, draft):
        element = draft.elements.get((0x00100020,))
        if element is not None:
            raise PermanentError(f"odd patient: {element.value}")


class TestTransformThatQuotes(TransformSuite):
    plugin = _plugin("transforms", config=NoConfig, create=TransformThatQuotes)


class TestTransformThatOnlyClaims(TransformSuite):
    plugin = _plugin("transforms", config=NoConfig, create=SoundTransform, deidentifies=lambda config: True)


# ---- sinks


@attrs.frozen(kw_only=True)
class PathConfig:
    path: Path = attrs.field(metadata=about("Where to."))


class SoundSink(Sink):
    def deliver(self, item):
        with item.part10() as source:
            data = source.read()
        target = self.config.path / f"{item.id}.dcm"
        target.write_bytes(data)
        return Receipt(location=str(target))


class SinkSuite(SinkConformance):
    type = "it"

    @pytest.fixture
    def table(self, tmp_path):
        self.folder = tmp_path / "out"
        self.folder.mkdir()
        return {"path": str(self.folder)}

    def arrived(self):
        return [data_set_bytes(path) for path in self.folder.iterdir()]


class TestSoundSink(SinkSuite):
    plugin = _plugin("sinks", config=PathConfig, create=SoundSink)


class SinkThatWritesInPlace(Sink):
    def deliver(self, item):
        with item.part10() as source, (self.config.path / f"{item.id}.dcm").open("wb") as out:
            while chunk := source.read(4096):
                out.write(chunk)
        return Receipt()


class TestSinkThatWritesInPlace(SinkSuite):
    plugin = _plugin("sinks", config=PathConfig, create=SinkThatWritesInPlace)


class SinkThatAddsABit(Sink):
    def deliver(self, item):
        with item.part10() as source:
            (self.config.path / f"{item.id}.dcm").write_bytes(source.read() + b"\0")
        return Receipt()


class TestSinkThatAddsABit(SinkSuite):
    plugin = _plugin("sinks", config=PathConfig, create=SinkThatAddsABit)


class SinkThatNamesByPatient(SoundSink):
    def deliver(self, item):
        patient_id = item.header.get("PatientID", "none")
        with item.part10() as source:
            (self.config.path / f"{patient_id}{item.id}").write_bytes(source.read())
        return Receipt()


class TestSinkThatNamesByPatient(SinkSuite):
    plugin = _plugin("sinks", config=PathConfig, create=SinkThatNamesByPatient)


class SinkThatClosesOnce(SoundSink):
    def open(self):
        self.handle = (self.config.path.parent / "lock").open("wb")

    def close(self, timeout):
        self.handle.close()
        del self.handle


class TestSinkThatClosesOnce(SinkSuite):
    plugin = _plugin("sinks", config=PathConfig, create=SinkThatClosesOnce)
