"""`hilum doctor`: what it prints, its exit status, and plugins that end the process that imports them."""

from __future__ import annotations

import json

import pytest

from hilum_core.doctor.findings import Case, Level, Says
from hilum_core.doctor.plugins import examine_plugins
from hilum_core.incarnation import prepare_state_dir

BROKEN = {
    "acme_raises": "raise RuntimeError('no scanner')",
    "acme_ends": "import os\nos._exit(7)",
}


@pytest.mark.parametrize("module", BROKEN)
def test_a_plugin_that_cannot_be_imported_is_a_fault(tmp_path, install, monkeypatch, module):
    declared = f"[hilum.sinks]\nfax = {module}:Fax\n"
    site = install("acme-sinks", entry_points=declared, modules={module: BROKEN[module]})
    monkeypatch.setenv("PYTHONPATH", str(site))
    found = list(examine_plugins(Case(state_dir=tmp_path, config_path=None), Says("plugins")))
    (fault,) = [one for one in found if one.level is Level.FAULT]
    assert "acme-sinks" in fault.what
    assert found[-1].level is Level.OK


def test_doctor_tells_a_fault_by_its_exit_status_and_mends_modes_when_told(tmp_path, hilum):
    root = tmp_path / "state"
    prepare_state_dir(root)
    (root / "spool").mkdir()
    (root / "spool").chmod(0o755)
    done = hilum("doctor", "--json", "--state-dir", root)
    assert done.exit_code == 1
    (fault,) = [one for one in json.loads(done.stdout) if one["level"] == "fault"]
    assert (fault["examination"], "spool" in fault["what"]) == ("state directory", True)
    assert (
        hilum("doctor", "--fix-modes", "--state-dir", root).stdout
        == "changed the modes of 1 file or folder\n"
    )
    done = hilum("doctor", "--state-dir", root)
    assert (done.exit_code, done.stdout.splitlines()[0][:5]) == (0, "ok   ")
