"""The port of the router: bound once, handed down to every receiving process."""

from __future__ import annotations

import socket

from hilum_core.config import ListenAddress

_BACKLOG = 128


class CannotListen(Exception):  # noqa: N818 - an end of the run, with its one line
    """The port cannot be had; the text says what to do."""


def listen(address: ListenAddress) -> socket.socket:
    """Bind the port of the router.

    Raises
    ------
    CannotListen
        It is in use, or may not be bound.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise CannotListen(
            f"router.listen: cannot listen on {address.host}:{address.port} ({error.strerror}); "
            f"stop what listens there, or choose another port"
        ) from error
    return listening


def address_text(listening: socket.socket) -> str:
    """Write the address that a socket listens on, with its port."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
