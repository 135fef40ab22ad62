import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hilum_core.cli.group import cli


@pytest.fixture
def unused_port():
    """A port of the loopback address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def hilum(monkeypatch):
    """Run a command of `hilum` in this process; what comes back has exit_code, stdout and stderr."""
    monkeypatch.delenv("HILUM_CONFIG", raising=False)
    runner = CliRunner()

    def run(*arguments, **environment):
        return runner.invoke(cli, [str(one) for one in arguments], env=environment, prog_name="hilum")

    return run


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a distribution with entry points and modules on the path, as pip would."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    made = []

    def install(name, *, entry_points, modules):
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(entry_points)
        for module, text in modules.items():
            (site / f"{module}.py").write_text(text)
            made.append(module)
        return site

    yield install
    for module in made:
        sys.modules.pop(module, None)


@pytest.fixture
def write_config(tmp_path):
    """Write a config, and return its path."""

    def write(text):
        path = Path(tmp_path / "hilum.toml")
        path.write_text(text)
        return path

    return write
