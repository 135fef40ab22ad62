"""Real distributions, written into a folder and put on the path, as pip would leave them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

Install = Callable[..., Path]

SINK = """
import attrs
from hilum_sdk import Receipt, Sink, SinkSpec, hookimpl
from hilum_sdk.config import port_number

@attrs.frozen(kw_only=True)
class Config:
    folder: str
    port: int = attrs.field(default=104, validator=port_number)

class Drop(Sink):
    def deliver(self, item):
        return Receipt()

@hookimpl
def hilum_register_sinks():
    yield SinkSpec(type="drop", config=Config, create=__name__ + ":Drop", summary="Drops")
"""


@pytest.fixture
def install(tmp_path, monkeypatch) -> Install:
    """Install a distribution in a folder of its own, first on the path; gives the folder."""
    written: list[Path] = []

    def install(
        name: str,
        modules: Mapping[str, str],
        *,
        version: str = "1.0",
        requires: Sequence[str] = ("hilum-sdk>=0.1,<1",),
        metadata: str | None = None,
        **groups: Mapping[str, str],
    ) -> Path:
        folder = tmp_path / f"path{len(written)}"
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        lines = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text(metadata if metadata is not None else "\n".join(lines) + "\n")
        entries = [
            f"[hilum.{group}]\n" + "".join(f"{name} = {value}\n" for name, value in types.items())
            for group, types in groups.items()
        ]
        (info / "entry_points.txt").write_text("\n".join(entries))
        for module, source in modules.items():
            (folder / f"{module}.py").write_text(source)
            monkeypatch.delitem(sys.modules, module, raising=False)
        written.append(folder)
        monkeypatch.syspath_prepend(str(folder))
        importlib.invalidate_caches()
        return folder

    yield install
    for module in [name for name, module in sys.modules.items() if _is_from(module, tmp_path)]:
        del sys.modules[module]


def _is_from(module: object, folder: Path) -> bool:
    return str(getattr(module, "__file__", None)).startswith(str(folder))


@pytest.fixture
def plugin_source() -> str:
    """A whole plugin: a sink of the type `drop`."""
    return SINK
