"""The reference names everything that there is: what is added without a word in it fails here."""

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

import hilum_core
import hilum_sdk
from hilum_core.cli.group import COMMANDS, cli
from hilum_core.cli.queue_verdict import Limits, judge
from hilum_core.incarnation import PRIVATE_DIR, PRIVATE_FILE
from hilum_core.queue import QUEUE_FILE
from hilum_core.queue.reconcile import FOUND
from hilum_core.queue.records import QueueStatus
from hilum_core.registry import PLUGIN_KINDS
from hilum_core.spool.space import BALLAST_FILE
from hilum_sdk import hookspecs

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = DOCS / "reference"
CORE = Path(hilum_core.__file__).parent
COMPONENTS = ("Component", "Filter", "Transform", "Sink", "BatchSink", "CommitmentCheck", "Service")
LEVELS = {"debug", "info", "warning", "error"}


def read(name):
    return (REFERENCE / name).read_text(encoding="utf-8")


def headings(name):
    return re.findall(r"^#+ (.+)$", read(name), re.MULTILINE)


def test_every_hook_has_a_heading():
    hooks = [name for name in vars(hookspecs) if name.startswith("hilum_register_")]
    assert len(hooks) == len(PLUGIN_KINDS)
    assert [hook for hook in hooks if hook not in headings("hooks.md")] == []


def test_every_component_interface_has_a_heading():
    assert [name for name in COMPONENTS if name not in headings("hooks.md")] == []


def test_every_hook_says_when_it_is_called_and_what_happens_if_it_raises():
    for kind in PLUGIN_KINDS:
        text = getattr(hookspecs, f"hilum_register_{kind}").__doc__
        assert "*Called:*" in text, kind
        assert "*If it raises:*" in text, kind


def test_every_public_name_of_the_sdk_is_in_the_reference():
    text = read("sdk.md") + read("hooks.md")
    assert [name for name in hilum_sdk.__all__ if not re.search(rf"\b{name}\b", text)] == []


def commands_below(group, prefix):
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from commands_below(command, f"{prefix} {name}")


def core_commands():
    return [(name, command) for name, command in commands_below(cli, "hilum") if name.split()[1] in COMMANDS]


@pytest.mark.parametrize("name", [name for name, _ in core_commands()])
def test_every_command_is_in_the_reference(name):
    assert name in read("commands.md")


def test_every_option_is_in_the_reference():
    text = read("commands.md")
    options = {
        (name, option)
        for name, command in core_commands()
        for param in command.params
        if isinstance(param, click.Option)
        for option in param.opts
        if option.startswith("--") and option != "--help"
    }
    assert [pair for pair in sorted(options) if pair[1] not in text] == []


def logged_events():
    """The sentences of the core's logs: the first argument of a call of a log's method."""
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            function = node.func
            is_log = isinstance(function, ast.Attribute) and function.attr in LEVELS
            is_chosen = isinstance(function, ast.Name) and function.id == "write"
            if (is_log or is_chosen) and isinstance(node.args[0].value, str):
                yield node.args[0].value


def test_the_reference_has_every_event_of_the_logs_once_and_no_other():
    events = set(logged_events())
    assert len(events) > 20
    rows = re.findall(r"^\| (`.+?`) \| ", read("logs.md"), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`(.+?)`", row) if name not in LEVELS]
    assert sorted(named) == sorted(events)


def test_every_reason_to_hold_an_object_is_in_the_troubleshooting_guide():
    text = (DOCS / "how-to" / "troubleshoot.md").read_text(encoding="utf-8")
    source = "".join(path.read_text(encoding="utf-8") for path in (CORE / "route").glob("*.py"))
    codes = set(re.findall(r'_h[eo]ld\(claimed, "(\w+)"', source))
    assert codes >= {"unmatched", "poison"}
    assert [code for code in codes if f"| `{code}` |" not in text] == []
    assert FOUND in text


def test_the_check_for_monitoring_prints_what_the_guide_shows():
    nothing = QueueStatus(objects={}, sinks=(), oldest_unfinished_at=None, problems=())
    limits = Limits(max_age=timedelta(minutes=15), max_dead=0)
    line = judge(nothing, limits, datetime.now(UTC), running=True).line
    assert line in (DOCS / "how-to" / "monitor.md").read_text(encoding="utf-8")


def test_the_state_directory_is_described_by_its_real_names():
    text = read("state-directory.md")
    for name in (QUEUE_FILE, BALLAST_FILE, f"{PRIVATE_DIR:o}", f"{PRIVATE_FILE:o}"):
        assert name in text, name
