"""What is asked of a sink, one that takes objects singly or in batches."""

# ruff: noqa: D102 - the name of a test says what it shows
from __future__ import annotations

import io
import warnings
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import pytest

from hilum_sdk.components import BatchSink, Sink
from hilum_sdk.errors import HilumError
from hilum_sdk.records import Receipt
from hilum_sdk.specs import ComponentSpec, SinkSpec
from hilum_sdk.testing.component_conformance import ComponentConformance, assert_silent_about_patients
from hilum_sdk.testing.context import FakeContext
from hilum_sdk.testing.feed import ListFeed
from hilum_sdk.testing.hostile import hostile_objects
from hilum_sdk.testing.objects import TRANSFER_SYNTAXES, data_set_bytes, item_from, make_object
from hilum_sdk.views import Item


class SinkConformance(ComponentConformance):
    """The tests that every sink passes.

    Inherit, and give `plugin`, `type`, the fixture `table` and `arrived`.
    """

    _kind: ClassVar[str] = "sinks"

    def arrived(self) -> Collection[bytes]:
        """Override: the data sets that are at the destination now, as they are encoded there."""
        raise NotImplementedError("override `arrived`: the data sets at your destination")

    @pytest.fixture
    def objects(self, tmp_path: Path) -> Sequence[Path]:
        """Override to leave out what your destination does not take; DICOM files."""
        folder = tmp_path / "objects"
        return [
            make_object(folder, seed=seed, transfer_syntax_uid=uid)
            for seed, uid in enumerate(TRANSFER_SYNTAXES.values(), start=1)
        ]

    @pytest.fixture(autouse=True)
    def _as_in_the_router(self) -> Iterator[None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydicom's are switched off there: they quote values
            yield

    def test_is_a_sink(self, spec: ComponentSpec, component: Any) -> None:
        assert isinstance(spec, SinkSpec)
        assert isinstance(component, Sink | BatchSink)

    def test_what_arrives_is_what_was_given(
        self, component: Sink | BatchSink, objects: Sequence[Path]
    ) -> None:
        receipts, errors = deliver(component, [item_from(path) for path in objects])
        assert not errors
        assert all(isinstance(receipt, Receipt) for receipt in receipts)
        assert sorted(self.arrived()) == sorted(map(data_set_bytes, objects))

    def test_delivering_again_is_harmless(self, component: Sink | BatchSink, objects: Sequence[Path]) -> None:
        for attempt in (1, 2):
            _, errors = deliver(component, [item_from(path, attempt=attempt) for path in objects])
            assert not errors
        assert set(self.arrived()) == set(map(data_set_bytes, objects))

    def test_interrupted_delivery_leaves_nothing_half(
        self, component: Sink | BatchSink, objects: Sequence[Path]
    ) -> None:
        path = objects[0]
        receipts, errors = deliver(component, [BreakingItem(item_from(path), after=1 << 16)])
        assert errors
        assert not receipts, "reading the object failed, and it was taken for delivered"
        assert not self.arrived(), "something half is at the destination"
        _, errors = deliver(component, [item_from(path, attempt=2)])
        assert not errors
        assert set(self.arrived()) == {data_set_bytes(path)}

    def test_survives_hostile_objects(
        self, component: Sink | BatchSink, context: FakeContext, tmp_path: Path
    ) -> None:
        paths = hostile_objects(tmp_path / "hostile")
        for path in paths:
            receipts, errors = deliver(component, [item_from(path)])
            assert_silent_about_patients(context, *errors)
            for error in errors:
                assert isinstance(error, HilumError), f"{path.stem}: {error!r}"
            if receipts:
                assert data_set_bytes(path) in set(self.arrived()), path.stem
        assert set(self.arrived()) <= set(map(data_set_bytes, paths))


def deliver(
    component: Sink | BatchSink, items: Sequence[Item]
) -> tuple[Sequence[Receipt], Sequence[BaseException]]:
    """Deliver items as the core does; give what was delivered, and what failed."""
    if isinstance(component, BatchSink):
        feed = ListFeed(items)
        feed.serve(component)
        return list(feed.receipts.values()), list(feed.errors.values())
    receipts: list[Receipt] = []
    errors: list[BaseException] = []
    for item in items:
        try:
            receipts.append(component.deliver(item))
        except Exception as error:  # noqa: BLE001 - whatever a sink raises
            errors.append(error)
    return receipts, errors


class BreakingItem:
    """An item whose bytes cannot be read to the end, as on a failing disk."""

    def __init__(self, item: Item, *, after: int) -> None:
        self._item = item
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)

    def part10(self, transfer_syntax_uid: str | None = None) -> BinaryIO:
        """A stream that breaks."""
        return self._breaking(self._item.part10(transfer_syntax_uid))

    def data_set(self, transfer_syntax_uid: str | None = None) -> BinaryIO:
        """A stream that breaks."""
        return self._breaking(self._item.data_set(transfer_syntax_uid))

    def _breaking(self, stream: BinaryIO) -> BinaryIO:
        with stream:
            return io.BufferedReader(_Breaking(stream.read(), self._after))


class _Breaking(io.RawIOBase):
    """Reads up to a point and then fails; its size is that of the whole."""

    def __init__(self, data: bytes, after: int) -> None:
        self._whole = io.BytesIO(data)
        self._after = after

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._whole.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        room = self._after - self._whole.tell()
        if room <= 0:
            raise OSError(5, "Input/output error")
        return self._whole.readinto(memoryview(buffer)[:room])
