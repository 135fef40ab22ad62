"""The steps of the page on who may come in, taken: its certificates are made, its configs have no fault."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hilum_core.config import load

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "secure.md"


def blocks(language):
    """The code blocks of a language, without their indentation."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return ["\n".join(line.removeprefix(indent) for line in code.splitlines()) for indent, code in found]


def test_the_steps_for_certificates_make_a_router_that_can_be_checked(hilum, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    steps = [re.sub(r"^\$ ", "", block, flags=re.MULTILINE) for block in blocks("console")]
    for step in steps:
        if "s_client" not in step and "hilum" not in step.split():
            done = subprocess.run(step, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{step}\n{done.stderr}"
    (config,) = [block for block in blocks("toml") if "[router.tls]" in block]
    path = tmp_path / "hilum.toml"
    path.write_text(config.replace("/etc/hilum/tls", str(tmp_path)))
    done = hilum("check", "--config", path)
    assert done.returncode == 0, done.stderr
    assert "open to others" not in done.stdout
    subject = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "ct1.pem", "-noout", "-subject", "-nameopt", "RFC2253"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f'"{subject.strip().removeprefix("subject=")}"' in config


def test_the_other_configs_of_the_page_have_no_fault():
    others = [block for block in blocks("toml") if "[router.tls]" not in block]
    assert len(others) == 4
    for config in others:
        tls = '[router.tls]\ncertificate = "x"\nkey = "x"\nca = "x"\n' if "tls " in config else ""
        _, problems = load(f'[router]\nstate_dir = "/tmp/x"\n{tls}{config}', source="the page")
        assert not problems
