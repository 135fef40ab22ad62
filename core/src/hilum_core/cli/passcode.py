"""`hilum passcode`."""

from __future__ import annotations

import sys

import click

from hilum_core.cli.failures import CommandError


@click.command()
def passcode() -> None:
    """Make the hash of a user's passcode, for `passcode_hash` of a peer.

    Asks for the passcode, or reads it as one line from a pipe. The hash goes to the standard output; put it
    into a file that only the router may read.
    """
    from hilum_core.credentials import PasscodeHash  # noqa: PLC0415 - brings TLS

    if sys.stdin.isatty():
        given = click.prompt("Passcode", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise CommandError("a passcode is not empty")
    click.echo(str(PasscodeHash.of(given.encode())))
