"""The ports of the router: bound once, handed down to every receiving process."""

from __future__ import annotations

import socket

import attrs

from hilum_core.config import ListenAddress, RouterSettings

_BACKLOG = 128


@attrs.frozen
class Ports:
    """The listening sockets of a router: ``tls`` is there if it is to take TLS."""

    plain: socket.socket
    tls: socket.socket | None

    @classmethod
    def bind(cls, router: RouterSettings) -> Ports:
        """Bind what `[router]` says. Raises `CannotListen`."""
        plain = listen(router.listen, "router.listen")
        try:
            tls = listen(router.listen_tls, "router.listen_tls") if router.listen_tls else None
        except CannotListen:
            plain.close()
            raise
        return cls(plain, tls)

    @property
    def tls_fd(self) -> int:
        """The descriptor of the one for TLS; -1 if there is none."""
        return self.tls.fileno() if self.tls else -1

    def fields(self) -> dict[str, str]:
        """The addresses, as fields of a log line."""
        fields = {"listen": address_text(self.plain)}
        return fields if self.tls is None else {**fields, "listen_tls": address_text(self.tls)}


class CannotListen(Exception):  # noqa: N818 - an end of the run, with its one line
    """The port cannot be had; the text says what to do."""


def listen(address: ListenAddress, setting: str) -> socket.socket:
    """Bind a port of the router; `setting` is what it stands under in the config.

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
            f"{setting}: cannot listen on {address.host}:{address.port} ({error.strerror}); "
            f"stop what listens there, or choose another port"
        ) from error
    return listening


def address_text(listening: socket.socket) -> str:
    """Write the address that a socket listens on, with its port."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
