"""What a process loads: reception no plugin machinery, coordinators no pydicom, nobody a plugin too many."""

from __future__ import annotations

import subprocess
import sys

import pytest


def modules_after(statement):
    code = f"{statement}; import sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("stage", ["route", "render", "deliver", "retain"])
def test_a_coordinator_loads_neither_pydicom_nor_a_plugin(stage):
    loaded = modules_after(f"import hilum_core.{stage}.__main__")
    assert not loaded & {"pydicom", "pynetdicom"}
    assert not [name for name in loaded if name.startswith(("hilum_sink", "hilum_filter", "hilum_transform"))]


def test_reception_loads_nothing_that_loads_plugins():
    loaded = modules_after("import hilum_core.receive.__main__")
    assert not loaded & {"pluggy", "importlib_metadata", "hilum_core.registry", "hilum_core.workers"}
    assert not loaded & {"pynetdicom"}
