"""The command `hilum`: a table of its subcommands, and those that plugins add."""

from __future__ import annotations

import difflib
from importlib import import_module, metadata
from typing import Any, NoReturn

import attrs
import click

from hilum_core.cli.failures import CommandError, as_command_error


@attrs.frozen
class Entry:
    """A subcommand by its import string, so that `hilum --help` need not import it."""

    target: str
    summary: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.target.partition(":")
        command = getattr(import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.target} is not a click command")
        return command


COMMANDS = {
    "run": Entry("hilum_core.cli.run:run", "Run the router."),
    "reload": Entry("hilum_core.cli.reload:reload", "Have the running router take its changed config."),
    "check": Entry("hilum_core.cli.check:check", "Check a config, and what it needs of the outside."),
    "demo": Entry("hilum_core.cli.demo:demo", "Watch real objects travel through a router."),
    "plugins": Entry("hilum_core.cli.plugins:plugins", "List the installed plugins, and explain one."),
    "echo": Entry("hilum_core.cli.echo:echo", "Ask a DICOM node whether it is there (C-ECHO)."),
    "send": Entry("hilum_core.cli.send:send", "Send DICOM files to a node (C-STORE)."),
    "render": Entry("hilum_core.cli.render:render", "Write what a route would send of files."),
    "diff": Entry("hilum_core.cli.diff:diff", "Show element by element what differs in two files."),
    "passcode": Entry("hilum_core.cli.passcode:passcode", "Make the hash of a user's passcode."),
    "doctor": Entry("hilum_core.cli.doctor:doctor", "Examine all that a router rests on; mend when told."),
    "backup": Entry("hilum_core.cli.backup:backup", "Back up config and queue, while the router runs."),
    "restore": Entry("hilum_core.cli.backup:restore", "Put a backup in place."),
    "queue": Entry("hilum_core.cli.queue_group:queue", "Look at the queue of a router, and act on it."),
}


class EntryGroup(click.Group):
    """A group whose subcommands are entries of a table.

    Whatever a subcommand raises ends as one line, not as a traceback.
    """

    def __init__(self, *args: Any, entries: dict[str, Entry], **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.entries = entries

    def more_entries(self) -> dict[str, Entry]:
        """Entries that cost something to find; asked for only when the table does not serve."""
        return {}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the table, not of the alphabet."""
        return list(self._all_entries())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command; None if there is none of that name."""
        entry = self.entries.get(cmd_name) or self.more_entries().get(cmd_name)
        if entry is None:
            if not ctx.resilient_parsing:
                self._fail_unknown(ctx, cmd_name)
            return None
        try:
            return entry.load()
        except Exception as error:
            if cmd_name in self.entries:
                raise
            raise CommandError(
                f"{cmd_name}: the plugin's command cannot be loaded: {_words(error)}"
            ) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Show the summaries of the table, importing no command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in self._all_entries().items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except Exception as error:
            raise as_command_error(error) from error

    def _all_entries(self) -> dict[str, Entry]:
        more = self.more_entries()
        return self.entries | {name: more[name] for name in more if name not in self.entries}

    def _fail_unknown(self, ctx: click.Context, name: str) -> NoReturn:
        known = self.list_commands(ctx)
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]!r}?" if near else "there are: " + ", ".join(known)
        ctx.fail(f"no command is called {name!r}; {hint}")


class HilumGroup(EntryGroup):
    """The commands of the core, then those of plugins; a plugin cannot replace one of the core."""

    def more_entries(self) -> dict[str, Entry]:
        """Ask the registry for the commands that plugins declare."""
        from hilum_core.registry import commands  # noqa: PLC0415 - reads the metadata of all distributions

        return {spec.name: Entry(spec.command, spec.summary) for spec in commands()}


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    if wanted and not ctx.resilient_parsing:
        click.echo(f"hilum {metadata.version('hilum-core')}")
        ctx.exit()


def _words(error: Exception) -> str:
    from hilum_core.log import describe_exception  # noqa: PLC0415 - only when something is broken

    return describe_exception(error)


@click.group(
    cls=HilumGroup,
    entries=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 1 failed, 2 wrong command line, 78 faulty config.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
def cli() -> None:
    """Route DICOM objects: receive, keep, decide, change, deliver."""


def main() -> None:
    """Run the command line of this process."""
    cli(prog_name="hilum")
