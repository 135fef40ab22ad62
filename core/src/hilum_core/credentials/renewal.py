"""The context for callers, made anew when a file of it has changed: certificates are renewed while we run."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from pathlib import Path

from hilum_core.config import RouterTls
from hilum_core.credentials.contexts import server_context
from hilum_sdk import ConfigError

Signature = tuple[tuple[int, int, int] | None, ...]


class ServerTls:
    """Gives the context for the next caller. Any thread may ask.

    Where the new files cannot be used, because only one of two is there yet, say, the context before
    them stays in use, and they are tried again when they change.

    Parameters
    ----------
    on_trouble
        Called with a text for the log.
    on_renewal
        Called when new files have been taken.
    """

    def __init__(
        self, tls: RouterTls, *, on_trouble: Callable[[str], object], on_renewal: Callable[[], object]
    ) -> None:
        self._tls = tls
        self._on_trouble = on_trouble
        self._on_renewal = on_renewal
        self._lock = threading.Lock()
        self._signature: Signature | None = None
        self._context: ssl.SSLContext | None = None

    def __call__(self) -> ssl.SSLContext | None:
        """The context by what the files hold now, or held last; None if they never held anything usable."""
        with self._lock:
            signature = self._look()
            if signature != self._signature:
                self._read(is_first=self._signature is None)
                self._signature = signature
            return self._context

    def _look(self) -> Signature:
        files = [self._tls.certificate, self._tls.key, self._tls.ca]
        if self._tls.key_passcode and self._tls.key_passcode.file:
            files.append(self._tls.key_passcode.file)
        return tuple(map(_signature, files))

    def _read(self, *, is_first: bool) -> None:
        try:
            self._context = server_context(self._tls)
        except ConfigError as error:
            self._on_trouble(error.message)
            return
        if not is_first:
            self._on_renewal()


def _signature(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
