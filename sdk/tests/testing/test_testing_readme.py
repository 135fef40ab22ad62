"""The plugin of the README is whole, and its test passes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import tomli

README = Path(__file__).parents[2] / "README.md"


def test_the_plugin_of_the_readme_passes_its_own_test(tmp_path):
    plugin, test = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (project,) = (
        tomli.loads(block) for block in re.findall(r"```toml\n(.*?)```", README.read_text(), re.DOTALL)
    )
    (tmp_path / "hilum_filter_weekend.py").write_text(plugin)
    (tmp_path / "test_weekend.py").write_text(test)
    (group, points), *_ = project["project"]["entry-points"].items()
    installed = tmp_path / "hilum_filter_weekend-1.0.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: hilum-filter-weekend\nVersion: 1.0.0\n")
    lines = [f"[{group}]", *(f"{name} = {module}" for name, module in points.items())]
    (installed / "entry_points.txt").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", str(tmp_path), "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
