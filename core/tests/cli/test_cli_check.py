"""`hilum check`: one report, and the exit status that goes with it."""

import socket
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"

GOOD = """
[router]
state_dir = "{state}"
listen = "127.0.0.1:{port}"
[peers.ct1]
ae_title = "CT1"
may_send = true
[sinks.kept]
type = "folder"
path = "{folder}"
[[routes]]
name = "all"
sinks = ["kept"]
"""


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_the_examples_have_no_fault(hilum, example):
    shown = hilum("check", "--config", example)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"{example}: no problems\n  ")
    assert "worth a look" not in shown.stdout


def test_there_are_examples():
    assert len(list(EXAMPLES.glob("*.toml"))) >= 2


def test_every_fault_stands_in_one_report_and_the_status_is_78(hilum, write_config):
    path = write_config(
        '[router]\nstate_dir = "/tmp/x"\n[peers.a]\nae_title = "A"\n[sinks.f]\ntype = "foldr"\n'
        '[[routes]]\nname = "x"\nsinks = ["g"]\n'
    )
    shown = hilum("check", "--config", path)
    assert shown.exit_code == 78
    assert shown.stdout == ""
    first, *others = shown.stderr.splitlines()
    assert first == f"{path}: 2 problems"
    assert others[0].startswith(
        "  sinks.f.type: no sink of the type 'foldr' is installed; did you mean 'folder'?"
    )
    assert others[1].startswith("  routes[0].sinks[0]: no sink is called 'g'; there are: f")


@pytest.mark.parametrize("text", ["[router", "[router]\n", '[router]\nstate_dir = "x"\n[peers.a]\n'])
def test_a_config_that_the_core_cannot_use_ends_with_78(hilum, write_config, text):
    shown = hilum("check", "--config", write_config(text))
    assert shown.exit_code == 78
    assert "problem" in shown.stderr


def test_a_config_that_is_not_text_ends_with_78(hilum, tmp_path):
    (tmp_path / "x.toml").write_bytes(b"a = '\xff'")
    shown = hilum("check", "--config", tmp_path / "x.toml")
    assert shown.exit_code == 78
    assert shown.stderr == f"{tmp_path / 'x.toml'}: is not UTF-8 text (byte 5)\n"


def test_the_config_is_found_in_the_usual_places_and_the_variable_wins(
    hilum, write_config, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    shown = hilum("check")
    assert shown.exit_code == 78
    assert shown.stderr.startswith("hilum: there is no config at hilum.toml or /etc/hilum/hilum.toml; ")
    write_config("[router")
    assert hilum("check").stderr.startswith("hilum.toml: 1 problem")
    assert hilum("check", HILUM_CONFIG="other.toml").stderr == (
        "other.toml: cannot be read: No such file or directory\n"
    )


def test_what_looks_like_an_oversight_is_no_fault(hilum, write_config):
    shown = hilum("check", "--config", write_config('[router]\nstate_dir = "/tmp/x"\n'))
    assert shown.exit_code == 0
    assert "worth a look" in shown.stdout


def test_the_environment_is_good_when_disk_port_and_sinks_are(hilum, write_config, tmp_path, unused_port):
    (tmp_path / "kept").mkdir()
    path = write_config(
        GOOD.format(state=tmp_path / "new" / "state", folder=tmp_path / "kept", port=unused_port)
    )
    shown = hilum("check", "--environment", "--config", path)
    assert shown.exit_code == 0, shown.output
    assert "router.state_dir: ok, " in shown.stdout
    assert "will be made" in shown.stdout
    assert "  router.listen: ok\n  sinks.kept: ok\n" in shown.stdout
    assert not (tmp_path / "new").exists()


def test_the_environment_names_each_thing_that_is_missing(hilum, write_config, tmp_path):
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        path = write_config(GOOD.format(state=tmp_path / "file", folder=tmp_path / "gone", port=port))
        shown = hilum("check", "--environment", "--config", path)
    assert shown.exit_code == 1
    assert f"router.state_dir: {tmp_path / 'file'} is not a folder" in shown.stdout
    assert f"router.listen: 127.0.0.1:{port} cannot be used: Address already in use" in shown.stdout
    assert "  sinks.kept: ok" not in shown.stdout
    assert "  sinks.kept: " in shown.stdout


RAISES_AND_HANGS = """
import time, attrs
from hilum_sdk import Sink, SinkSpec, hookimpl

@attrs.frozen
class Config: pass

class Raises(Sink):
    def deliver(self, item): ...
    def probe(self): raise RuntimeError("DOE^JOHN")

class Hangs(Sink):
    def deliver(self, item): ...
    def probe(self): time.sleep(60)

@hookimpl
def hilum_register_sinks():
    yield SinkSpec(type="raises", config=Config, create=Raises)
    yield SinkSpec(type="hangs", config=Config, create=Hangs)
"""


def test_a_component_that_raises_or_hangs_is_a_finding(hilum, install, write_config, tmp_path, monkeypatch):
    from hilum_core.cli import environment

    monkeypatch.setattr(environment, "PROBE_WITHIN_S", 1)
    declared = "[hilum.sinks]\nraises = acme_sinks\nhangs = acme_sinks\n"
    install("acme-sinks", entry_points=declared, modules={"acme_sinks": RAISES_AND_HANGS})
    path = write_config(
        f'[router]\nstate_dir = "{tmp_path}"\nlisten = "127.0.0.1:0"\n'
        '[sinks.a]\ntype = "raises"\n[sinks.b]\ntype = "hangs"\n'
    )
    shown = hilum("check", "--environment", "--config", path)
    assert shown.exit_code == 1
    assert "  sinks.a: RuntimeError at acme_sinks.py:10\n" in shown.stdout
    assert "  sinks.b: TimeoutError at " in shown.stdout
    assert "DOE" not in shown.output
