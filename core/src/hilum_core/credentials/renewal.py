"""The context for callers, made anew when a file of it has changed: certificates are renewed while we run."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from hilum_core.config import RouterTls
from hilum_core.credentials.contexts import server_context
from hilum_sdk import ConfigError

Signature = tuple[tuple[int, ...] | None, ...]

_AGAIN_AFTER_S: Final = 10.0
"""Files that could not be used are tried so soon again: there may have been no descriptor for them, say."""


class ServerTls:
    """Gives the context for the next caller. Any thread may ask.

    Where the new files cannot be used, because only one of two is there yet, say, the context before
    them stays in use, and they are tried again when they change, and now and then.

    Parameters
    ----------
    on_trouble
        Called with a text for the log, once for each text.
    on_renewal
        Called when new files have been taken.
    """

    def __init__(
        self,
        tls: RouterTls,
        *,
        on_trouble: Callable[[str], object],
        on_renewal: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tls = tls
        self._on_trouble = on_trouble
        self._on_renewal = on_renewal
        self._clock = clock
        self._lock = threading.Lock()
        self._signature: Signature | None = None
        self._context: ssl.SSLContext | None = None
        self._trouble = ""
        self._tried_at = 0.0

    def __call__(self) -> ssl.SSLContext | None:
        """The context by what the files hold now, or held last; None if they never held anything usable."""
        with self._lock:
            signature = self._look()
            if signature != self._signature or self._is_worth_a_try():
                self._read(is_first=self._signature is None)
                self._signature = signature
            return self._context

    def _look(self) -> Signature:
        files = [self._tls.certificate, self._tls.key, self._tls.ca]
        if self._tls.key_passcode and self._tls.key_passcode.file:
            files.append(self._tls.key_passcode.file)
        return tuple(map(_signature, files))

    def _is_worth_a_try(self) -> bool:
        return bool(self._trouble) and self._clock() >= self._tried_at + _AGAIN_AFTER_S

    def _read(self, *, is_first: bool) -> None:
        self._tried_at = self._clock()
        try:
            self._context = server_context(self._tls)
        except ConfigError as error:
            if error.message != self._trouble:
                self._trouble = error.message
                self._on_trouble(error.message)
            return
        self._trouble = ""
        if not is_first:
            self._on_renewal()


def _signature(path: Path) -> tuple[int, ...] | None:
    """What is another when a file is: also one that is written over with an old date, or has a new owner."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
