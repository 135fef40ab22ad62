"""`hilum demo` as a newcomer runs it, and the README that says what it prints."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hilum_core.demo.compare import Arrival
from hilum_core.demo.objects import shipped_objects
from hilum_core.demo.results import Track, collect
from hilum_core.demo.scene import ARCHIVE, FOLDER, SINKS, TEACHING, Scene, expected_sinks

README = Path(__file__).parents[3] / "README.md"
HILUM = [sys.executable, "-m", "hilum_core.cli"]


def environment(tmp_path):
    """The environment of a pipe: no width, no colour; temporary folders where a test can see them."""
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "HILUM_CONFIG"}}
    return {**kept, "TMPDIR": str(tmp_path)}


def normal(text, folder):
    text = re.sub(rf"{re.escape(str(folder))}/hilum-demo-\w+", "DEMO", text)
    return [re.sub(r"\d+", "N", line.rstrip()) for line in text.splitlines()]


def processes_in(folder):
    """The command lines of processes that work in a folder of this test."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words and "pytest" not in words:
            found.append(words)
    return found


def test_the_demo_delivers_everything_and_prints_what_the_readme_says(tmp_path):
    done = subprocess.run(
        [*HILUM, "demo"], capture_output=True, text=True, check=False, env=environment(tmp_path), timeout=120
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    (shown,) = re.findall(r"<!-- demo -->\n```text\n(.*?)```", README.read_text(), re.DOTALL)
    assert normal(done.stdout, tmp_path) == normal(shown, "/tmp")
    assert list(tmp_path.iterdir()) == [], "the folder goes away when all went well"
    assert processes_in(tmp_path) == []


def test_the_demo_kept_takes_what_it_says_and_leaves_nothing_running_when_it_is_told_to_stop(tmp_path):
    folder = tmp_path / "kept"
    with subprocess.Popen(
        [*HILUM, "demo", "--keep", "--state", folder],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as demo:
        told = ""
        for line in demo.stdout:
            told += line
            if line.startswith("What arrives lies in"):
                break
        sending = re.search(r"^  (hilum send .*) FILE-OR-FOLDER$", told, re.MULTILINE)[1].split()
        looking = re.search(r"^  (hilum queue status .*)$", told, re.MULTILINE)[1].split()
        again = subprocess.run(
            [*HILUM, *sending[1:], shipped_objects()[0].path], capture_output=True, text=True, check=False
        )
        assert again.stdout.startswith("1 of 1 object stored by HILUM@127.0.0.1:"), again.stderr
        assert subprocess.run([*HILUM, *looking[1:]], capture_output=True, check=False).returncode == 0
        demo.send_signal(signal.SIGTERM)
        demo.communicate(timeout=60)
    assert (folder / "hilum.toml").is_file()
    until = time.monotonic() + 30
    while processes_in(folder) and time.monotonic() < until:
        time.sleep(0.1)
    assert processes_in(folder) == []


def test_the_demo_does_not_mix_with_what_is_there(hilum, tmp_path):
    (tmp_path / "note").touch()
    shown = hilum("demo", "--state", tmp_path)
    assert shown.exit_code == 1
    assert shown.stderr == f"hilum: --state {tmp_path}: is not empty; name a new folder\n"


@pytest.fixture
def scene(tmp_path):
    return Scene(folder=tmp_path, router_port=1, archive_port=2)


@pytest.fixture
def arrived(scene):
    """A scene in which a router claims to have delivered everything, and every copy is the original."""
    objects = shipped_objects()
    for item in objects:
        for sink in (FOLDER, ARCHIVE):
            scene.arrivals_at(sink).mkdir(exist_ok=True)
            shutil.copy(item.path, scene.arrivals_at(sink) / f"{item.sop_instance_uid}.dcm")
    tracks = {
        item.sop_instance_uid: Track(
            state="settled", routes=("all",), sinks=dict.fromkeys(expected_sinks(item), "delivered")
        )
        for item in objects
    }
    answers = {item.name: "stored" for item in objects}
    return lambda: collect(objects, answers, tracks, scene)


def test_the_report_believes_files_and_not_the_router(arrived, scene):
    last = arrived()[-1]
    assert last.is_good
    path = scene.arrivals_at(ARCHIVE) / f"{last.item.sop_instance_uid}.dcm"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert arrived()[-1].cells[ARCHIVE].arrival is Arrival.DIFFERENT
    path.unlink()
    assert arrived()[-1].cells[ARCHIVE].arrival is Arrival.MISSING
    assert not arrived()[-1].is_good


def test_an_object_where_it_does_not_belong_is_no_success(arrived, scene):
    last = arrived()[-1].item
    assert TEACHING not in expected_sinks(last)
    scene.arrivals_at(TEACHING).mkdir()
    shutil.copy(last.path, scene.arrivals_at(TEACHING))
    assert arrived()[-1].cells[TEACHING].arrival is Arrival.UNEXPECTED
    assert not arrived()[-1].is_good


def test_an_unedited_copy_is_no_success(arrived, scene):
    first = arrived()[0].item
    scene.arrivals_at(TEACHING).mkdir()
    shutil.copy(first.path, scene.arrivals_at(TEACHING))
    assert arrived()[0].cells[TEACHING].arrival is Arrival.NOT_EDITED


def test_the_demos_config_has_every_sink_of_the_report(scene, hilum):
    scene.prepare()
    assert hilum("check", "--config", scene.config_path).exit_code == 0
    assert all(f"[sinks.{sink}]" in scene.config_text() for sink in SINKS)


def test_the_readmes_config_has_no_fault(hilum, write_config):
    (config,) = re.findall(r"^```toml\n(.*?)^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    shown = hilum("check", "--config", write_config(config))
    assert (shown.exit_code, shown.stderr) == (0, "")
