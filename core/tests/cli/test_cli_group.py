"""The command line as a whole: help, versions, exit statuses, commands of plugins."""

import re
import subprocess
import sys

from hilum_core.cli.group import COMMANDS, EntryGroup

COMMAND = """
import click
from hilum_sdk import CommandSpec, hookimpl

@hookimpl
def hilum_register_commands():
    yield CommandSpec(name="greet", summary="Say hello", command="acme_tools:greet")

@click.command()
@click.argument("name")
def greet(name):
    if name == "nobody":
        raise KeyError("DOE^JOHN")
    click.echo(f"hello {name}")
"""


def test_help_names_every_command_with_its_summary_in_the_order_of_the_table(hilum):
    shown = hilum("--help")
    assert shown.exit_code == 0
    places = [shown.stdout.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert all(entry.summary in shown.stdout for entry in COMMANDS.values())


def test_every_command_can_be_imported_and_explains_itself(hilum):
    def walk(entries, *path):
        for name, entry in entries.items():
            shown = hilum(*path, name, "--help")
            assert shown.exit_code == 0, (path, name, shown.output)
            command = entry.load()
            if isinstance(command, EntryGroup):
                walk(command.entries, *path, name)

    walk(COMMANDS)


def test_help_and_version_import_neither_pydicom_nor_pynetdicom():
    program = (
        "import sys; from hilum_core.cli.group import cli\n"
        "try: cli(['--version'], prog_name='hilum')\n"
        "except SystemExit: pass\n"
        "sys.exit(any(name in sys.modules for name in ('pydicom', 'pynetdicom', 'apsw', 'rich')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith("hilum 0.")


def test_an_unknown_command_is_refused_with_the_nearest_name(hilum):
    shown = hilum("chek")
    assert shown.exit_code == 2
    assert "no command is called 'chek'; did you mean 'check'?" in shown.stderr


def test_a_plugins_command_is_a_subcommand(hilum, install):
    install(
        "acme-tools", entry_points="[hilum.commands]\ngreet = acme_tools\n", modules={"acme_tools": COMMAND}
    )
    assert re.search("^  greet +Say hello$", hilum("--help").stdout, re.MULTILINE)
    shown = hilum("greet", "world")
    assert (shown.exit_code, shown.stdout) == (0, "hello world\n")


def test_an_error_of_a_plugins_command_is_one_line_that_quotes_nothing(hilum, install):
    install(
        "acme-tools", entry_points="[hilum.commands]\ngreet = acme_tools\n", modules={"acme_tools": COMMAND}
    )
    shown = hilum("greet", "nobody")
    assert shown.exit_code == 1
    assert len(shown.stderr.splitlines()) == 1
    assert "KeyError at acme_tools.py:" in shown.stderr
    assert "DOE" not in shown.output


def test_a_broken_plugin_takes_no_other_command_away(hilum, install):
    install(
        "acme-tools", entry_points="[hilum.commands]\ngreet = acme_tools\n", modules={"acme_tools": "1/0"}
    )
    assert hilum("--help").exit_code == 0
    assert hilum("plugins").exit_code == 0
    assert hilum("greet", "world").exit_code == 2


def test_a_plugin_cannot_take_the_name_of_a_command_of_the_core(hilum, install):
    text = COMMAND.replace('"greet"', '"check"')
    install("acme-tools", entry_points="[hilum.commands]\ncheck = acme_tools\n", modules={"acme_tools": text})
    assert "Check a config" in hilum("check", "--help").stdout
    assert "Say hello" not in hilum("--help").stdout


def test_the_commands_are_those_of_python_m_too():
    done = subprocess.run(
        [sys.executable, "-m", "hilum_core.cli", "check", "--config", "/nowhere/hilum.toml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 78
    assert done.stderr == "/nowhere/hilum.toml: cannot be read: No such file or directory\n"
