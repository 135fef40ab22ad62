"""How a command ends: the exit statuses, and one clear line on stderr.

====  =========================================================================
0     done
1     something did not work; the line says what
2     the command line is wrong (of ``queue status --check``: critical)
78    the config has faults (``EX_CONFIG``)
====  =========================================================================
"""

from __future__ import annotations

from typing import IO, Any

import click

EX_FAILED = 1
EX_CONFIG = 78


class CommandError(click.ClickException):
    """A command could not do its work: the message is ``where: what is wrong; what to do``."""

    exit_code = EX_FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message, without a traceback and in no colour."""
        click.echo(f"hilum: {self.format_message()}", file=file, err=file is None)


class ConfigFaults(CommandError):  # noqa: N818 - it holds faults, it is not one
    """The config cannot be used. The message is the report of all its problems."""

    exit_code = EX_CONFIG

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the report as it is: its first line names the file."""
        click.echo(self.format_message(), file=file, err=file is None)


def as_command_error(error: Exception) -> CommandError:
    """Put any exception into one line: ours by its message, others by type, file and line."""
    from hilum_core.log import describe_exception  # noqa: PLC0415 - as above
    from hilum_sdk import HilumError  # noqa: PLC0415 - the SDK brings pydicom, and most commands end well

    words = describe_exception(error)
    if isinstance(error, HilumError):
        return CommandError(words)
    if isinstance(error, OSError) and error.filename:
        return CommandError(f"{error.filename}: {error.strerror}")
    return CommandError(f"unexpected error, a defect of hilum or of a plugin: {words}")
