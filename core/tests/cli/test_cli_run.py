"""`hilum run` as a command: how it ends when it cannot begin. The stages have tests of their own."""

import socket
import subprocess
import sys

import pytest

HILUM = [sys.executable, "-m", "hilum_core.cli"]


def run(path, *options):
    command = [*HILUM, "run", "--config", str(path), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[router", "cannot be read as TOML"),
        ('[router]\nstate_dir = "/tmp/x"\nlisten = "here"\n', "router.listen: "),
    ],
)
def test_a_config_without_a_sound_router_ends_with_78_and_every_fault(write_config, text, words):
    done = run(write_config(text))
    assert done.returncode == 78
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_strict_refuses_a_fault_anywhere(write_config, tmp_path):
    text = f'[router]\nstate_dir = "{tmp_path / "state"}"\n[sinks.x]\ntype = "none"\n'
    done = run(write_config(text), "--strict")
    assert done.returncode == 78
    assert "sinks.x.type: no sink of the type 'none' is installed" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_port_in_use_ends_with_1_and_one_line(write_config, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f'[router]\nstate_dir = "{tmp_path / "state"}"\nlisten = "127.0.0.1:{port}"\n'
        done = run(write_config(text))
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_log_format_is_a_wrong_command_line(write_config):
    done = run(write_config(""), "--log-format", "xml")
    assert done.returncode == 2
