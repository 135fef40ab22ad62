"""The unit for systemd: the page shows it as it is, and what it calls and relies on is there."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from hilum_core.cli.group import cli
from hilum_core.config import load
from hilum_core.supervisor import EXIT_CONFIG
from hilum_core.supervisor.processes import _MARGIN_S

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "examples" / "hilum.service"
PAGE = ROOT / "docs" / "how-to" / "install-as-a-service.md"


def settings():
    """The keys of the unit; each stands there once."""
    lines = [line for line in UNIT.read_text().splitlines() if "=" in line and not line.startswith("#")]
    pairs = [tuple(line.split("=", 1)) for line in lines]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_the_page_shows_the_unit_as_it_is():
    assert f"```ini\n{UNIT.read_text()}```\n" in PAGE.read_text()


@pytest.mark.parametrize("key", ["ExecStart", "ExecReload"])
def test_the_commands_of_the_unit_and_their_options_are_there(key):
    program, name, *words = shlex.split(settings()[key])
    assert program.endswith("/hilum")
    command = cli.get_command(click.Context(cli), name)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_unit_waits_longer_for_a_stop_than_the_router_does():
    config, _ = load(f'[router]\nstate_dir = "{settings()["RequiresMountsFor"]}"\n', source="test")
    within_s = config.router.stop_within.total_seconds() + _MARGIN_S
    assert float(settings()["TimeoutStopSec"]) >= within_s + 10


def test_the_unit_starts_it_again_but_for_a_faulty_config():
    unit = settings()
    assert (unit["Restart"], unit["StartLimitIntervalSec"]) == ("always", "0")
    assert unit["RestartPreventExitStatus"] == str(EXIT_CONFIG)


def test_the_state_directory_is_the_one_that_the_unit_makes():
    assert settings()["RequiresMountsFor"] == f"/var/lib/{settings()['StateDirectory']}"
    assert f'state_dir = "{settings()["RequiresMountsFor"]}"' in PAGE.read_text()
