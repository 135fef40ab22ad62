"""The node that `hilum echo` and `hilum send` talk to: a peer of the config, or ``AE@host:port``."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click

from hilum_core.cli.failures import CommandError
from hilum_core.cli.location import config_option, read_reception
from hilum_core.credentials import remote_node
from hilum_core.dicom.requestor import RemoteNode
from hilum_sdk.config import unknown_name

DEFAULT_CALLING_AE = "HILUM"
DEFAULT_PORT = 104
_ADDRESS = re.compile(r"(?P<ae>[^@]+)@(?:\[(?P<ipv6>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d{1,5}))?")


@attrs.frozen(kw_only=True)
class Call:
    """Whom to call, and as whom."""

    node: RemoteNode
    calling_ae: str


def peer_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``PEER``, ``--config`` and ``--calling-ae``."""
    argument = click.argument("peer", metavar="PEER")
    option = click.option(
        "--calling-ae", help=f"Call as this AE title. Default: the config's, or {DEFAULT_CALLING_AE}."
    )
    return argument(option(config_option(command)))


def resolve(peer: str, *, config_path: Path | None, calling_ae: str | None) -> Call:
    """Find a node by the word of the command line.

    ``AE@host:port`` needs no config; a name needs the config whose peer it is.
    """
    if "@" in peer:
        node = parse_address(peer)
        return Call(node=node, calling_ae=calling_ae or _own_ae_title(config_path))
    config = read_reception(config_path)
    settings = config.peers.get(peer)
    if settings is None:
        raise CommandError(f"{unknown_name('peer', peer, config.peers)}, or write AE@host:port")
    node = remote_node(peer, settings, config.router.tls)
    return Call(node=node, calling_ae=calling_ae or config.router.ae_title)


def parse_address(text: str) -> RemoteNode:
    """Read ``AE@host:port``, ``AE@[address]:port`` or ``AE@host``."""
    found = _ADDRESS.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if found is None or not 1 <= port <= 65535:
        raise click.BadParameter(f"expected AE@host:port, got {text!r}", param_hint="PEER")
    title = found["ae"].strip()
    # PS3.5 6.2: 1 to 16 characters, no backslash, no control characters.
    if not 1 <= len(title) <= 16 or "\\" in title or not title.isascii() or not title.isprintable():
        raise click.BadParameter(f"an AE title has 1 to 16 characters, got {title!r}", param_hint="PEER")
    return RemoteNode(host=found["ipv6"] or found["host"], port=port, ae_title=title)


def _own_ae_title(config_path: Path | None) -> str:
    """The AE title of the config, if one was named; a call by address does not look for one."""
    return DEFAULT_CALLING_AE if config_path is None else read_reception(config_path).router.ae_title
