"""The plugin of the how-to guide, from an empty folder to a router that uses it, word for word.

It is put on the path with its metadata, which is what installing does.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tomli
from pydicom.data import get_testdata_file

from hilum_core.testing import running_router

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-plugin.md"
BLOCK = re.compile(r"^```\{code-block\} \w+\n:caption: (\S+)\n\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The files that the guide has its reader write."""
    folder = tmp_path_factory.mktemp("plugin") / "hilum-sink-drop"
    for name, text in BLOCK.findall(GUIDE.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    install(folder)
    return folder


def install(folder):
    settings = tomli.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    metadata = folder / "src" / f"hilum_sink_drop-{settings['version']}.dist-info"
    metadata.mkdir()
    lines = [f"Name: {settings['name']}", f"Version: {settings['version']}"]
    lines += [f"Requires-Dist: {one}" for one in settings["dependencies"]]
    (metadata / "METADATA").write_text("\n".join(["Metadata-Version: 2.3", *lines, ""]))
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in settings["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups))


@pytest.fixture(scope="module")
def environment(project):
    return {**os.environ, "PYTHONPATH": str(project / "src")}


def run(environment, *command, cwd=None):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_passes_the_conformance_suite(project, environment):
    said = run(environment, "pytest", "-q", "-p", "no:cacheprovider", cwd=project)
    assert re.search(r"\b1\d passed", said), said
    assert "skipped" not in said


def test_the_command_line_lists_and_explains_it(environment):
    assert "hilum-sink-drop" in run(environment, "hilum_core.cli", "plugins")
    assert "The folder. It must be there." in run(environment, "hilum_core.cli", "plugins", "show", "drop")


def test_a_router_delivers_by_it(project, environment, tmp_path, monkeypatch):
    if shutil.which("storescu") is None:
        pytest.skip("needs storescu (DCMTK)")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    drop = tmp_path / "drop"
    drop.mkdir()
    config = (project / "hilum.toml").read_text(encoding="utf-8")
    config = config[config.index("[peers.modality]") :].replace("/data/drop", str(drop))
    place = tmp_path / "router"
    place.mkdir()
    with running_router(place, config) as router:
        port, path = str(router.port), get_testdata_file("CT_small.dcm")
        command = ["storescu", "-aet", "MODALITY", "-aec", "HILUM", "127.0.0.1", port, path]
        subprocess.run(command, check=True, capture_output=True)
        router.wait_until_idle(objects=1)
    assert [path.suffix for path in drop.iterdir()] == [".dcm"]
