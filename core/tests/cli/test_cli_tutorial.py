"""The tutorial, read from its page and run from the first command to the last, its output compared."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

ROOT = Path(__file__).parents[3]
TUTORIAL = ROOT / "docs" / "tutorials" / "first-router.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PATIENCE_S = 60.0
END = "the-command-has-ended"


@attrs.frozen
class Step:
    """One command of a console block and the output that the page shows."""

    command: str
    shown: str


def blocks(page, language):
    return [text for name, text in BLOCK.findall(page) if name == language]


def steps(page):
    """The commands of all console blocks, in order."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield Step(command, shown.strip())


def normal(text):
    """Output without what differs from run to run: numbers, ages, times, and the width of tables."""
    text = re.sub(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ", "TIME", text)
    text = re.sub(r"\b[0-9a-v]{16}(-\d+)?\b", "ID", text)
    text = re.sub(r"\b\d+ (d|h|min|s)( \d+ (h|min|s))?\b", "AGE", text)
    text = re.sub(r"─+", "-", text)
    text = re.sub(r"\d+", "N", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


class Shell:
    """One bash that runs command after command, as a reader's terminal does."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            ["bash", "--norc"],
            cwd=folder,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(folder),
                "COLUMNS": "100",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, command):
        self.process.stdin.write(f"{command}\necho {END}\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.endswith(f"{END}\n"):
                lines.append(line.removesuffix(f"{END}\n"))
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"the shell ended at {command!r}: {''.join(lines)}")

    def close(self):
        self.process.stdin.close()
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(30)
        finally:
            self.process.stdout.close()


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path)
    yield shell
    shell.close()


@pytest.fixture
def page(tmp_path, unused_port):
    """The page with a folder and ports of this test."""
    text = TUTORIAL.read_text().replace("/tmp/first-router", str(tmp_path / "first-router"))
    return text.replace("11112", str(unused_port)).replace("11113", str(unused_port + 1))


def test_the_config_of_the_tutorial_is_the_example():
    (config,) = blocks(TUTORIAL.read_text(), "toml")
    example = (ROOT / "examples" / "first-router.toml").read_text()
    assert config.strip() == example.partition("\n\n")[2].strip()


def test_every_command_of_the_tutorial_prints_what_the_page_shows(page, shell, tmp_path):
    (config,) = blocks(page, "toml")
    may_take_a_while = False
    for step in steps(page):
        if step.command.startswith(("make ", "export PATH=")):
            continue  # the environment of this test is what they make
        if step.command.startswith("sleep "):
            may_take_a_while = True  # a reader waits; a test looks again until it is so
            continue
        until = time.monotonic() + (PATIENCE_S if may_take_a_while else 0)
        printed = shell.run(step.command)
        while normal(printed) != normal(step.shown) and time.monotonic() < until:
            time.sleep(0.2)
            printed = shell.run(step.command)
        assert normal(printed) == normal(step.shown), step.command
        if step.command.startswith("cd "):
            (tmp_path / "first-router" / "hilum.toml").write_text(config)
