"""How many associations may be open, in total and of one peer: who counts them, across processes."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Hashable
from pathlib import Path
from typing import Final, Protocol
from zlib import crc32

from hilum_core.dicom.reception import Admission

_ROOM_OF_EACH: Final = 1 << 20
"""So many bytes of the file are for the places of one peer; the first are for all together."""


class Places(Protocol):
    """Counts the associations of all callers. Any thread may ask."""

    def take(self, admission: Admission) -> Hashable | None:
        """A token for another association of a peer; None if as many are open as may be."""
        ...

    def give_back(self, token: Hashable) -> None:
        """Note the end of the association that has a token."""
        ...


class SharedPlaces:
    """Counts the associations of all processes that receive, by locks on the bytes of one file.

    A place is a byte, and who has it locked has the place. Nothing is ever written, and the kernel gives
    back what a process held when it dies.

    Parameters
    ----------
    path
        The file, made if it is missing. No other part of this process may open it: closing any descriptor
        of it would end the locks (fcntl(2)).
    most
        How many associations may be open in all.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._most = most
        self._lock = threading.Lock()
        self._held: set[int] = set()

    def take(self, admission: Admission) -> Hashable | None:
        """See `Places`."""
        with self._lock:
            of_all = self._lock_one(0, self._most)
            if of_all is None or admission.peer is None or admission.most_associations is None:
                return None if of_all is None else (of_all,)
            first = (1 + crc32(admission.peer.encode())) * _ROOM_OF_EACH
            of_peer = self._lock_one(first, admission.most_associations)
            if of_peer is None:
                self._unlock(of_all)
                return None
            return (of_all, of_peer)

    def give_back(self, token: Hashable) -> None:
        """See `Places`."""
        assert isinstance(token, tuple)
        with self._lock:
            for place in token:
                self._unlock(place)

    def close(self) -> None:
        """Give everything back."""
        os.close(self._descriptor)

    def _lock_one(self, first: int, count: int) -> int | None:
        for place in range(first, first + count):
            if place not in self._held and self._has_locked(place):
                self._held.add(place)
                return place
        return None

    def _has_locked(self, place: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):  # another process has it (fcntl(2): EAGAIN or EACCES)
            return False
        return True

    def _unlock(self, place: int) -> None:
        self._held.discard(place)
        fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, place)
