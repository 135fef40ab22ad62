"""Names of objects: fixed width, in order of time, and telling when and by which process they were given.

Sixteen characters of base 32 (0-9, a-v, so that text sorts as numbers do): eleven of microseconds since
1970 and five of the incarnation that gave it. Two processes never give the same one.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import struct
import threading
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from hilum_core.clock import Clock, from_microseconds, microseconds
from hilum_core.incarnation import PRIVATE_FILE

_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
TIME_WIDTH = 11
_INCARNATION_WIDTH = 5
_MOST_INCARNATIONS = 32**_INCARNATION_WIDTH
_OBJECT_ID = re.compile(f"[0-9a-v]{{{TIME_WIDTH + _INCARNATION_WIDTH}}}")
HOUR_US = 3_600_000_000

_MARK = struct.Struct("=Q")
_NO_TIME = 32**TIME_WIDTH

FIRST_ID = "0" * (TIME_WIDTH + _INCARNATION_WIDTH)
"""Smaller than every id."""


class HighWater:
    """The latest microsecond of any id, in a file that all processes that receive map.

    Without it a process that was idle while the clock stepped back would give ids before those that others
    gave, and the newer version of an instance would be taken for the older one. Where the file cannot be
    used, ids of one process rise all the same. What a power cut leaves in it need not be right: at a start
    the queue and the disk say what ids there are.
    """

    def __init__(self, path: Path) -> None:
        self._map: mmap.mmap | None = None
        with suppress(OSError):
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
            # Room for it is taken now: a page of a mapping that the disk has no room for ends the process.
            os.posix_fallocate(self._fd, 0, _MARK.size)
            self._map = mmap.mmap(self._fd, _MARK.size)

    def rise(self, at_us: int) -> int:
        """Take the next microsecond that is free, `at_us` or later."""
        if self._map is None:
            return at_us
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        try:
            (last,) = _MARK.unpack_from(self._map)
            taken: int = max(at_us, last + 1) if last < _NO_TIME else at_us
            _MARK.pack_into(self._map, 0, taken)
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        return taken


class ObjectIds:
    """Gives the ids of one process, each greater than the one before, whatever the clock does.

    Parameters
    ----------
    incarnation
        The number of this process.
    floor
        Every id will be of a later microsecond than this one: the greatest that the queue knows.
    high_water
        Shared with other processes, so that ids of all of them rise.
    """

    def __init__(
        self,
        incarnation: int,
        clock: Clock,
        floor: str | None = None,
        high_water: HighWater | None = None,
    ) -> None:
        if not 0 <= incarnation < _MOST_INCARNATIONS:
            raise ValueError(
                f"incarnation {incarnation} is not below {_MOST_INCARNATIONS}; "
                f"start with a new state directory"
            )
        self._suffix = _encode(incarnation, _INCARNATION_WIDTH)
        self._clock = clock
        self._high_water = high_water
        self._last = received_us(floor) if floor else 0
        self._lock = threading.Lock()

    def new(self) -> str:
        """Give the next id. Any thread may ask."""
        now = microseconds(self._clock.now())
        with self._lock:
            self._last = max(now, self._last + 1)
            if self._high_water:
                self._last = self._high_water.rise(self._last)
            return _encode_time(self._last) + self._suffix


def is_object_id(text: str) -> bool:
    """Whether the text has the form of an id."""
    return _OBJECT_ID.fullmatch(text) is not None


def received_us(object_id: str) -> int:
    """When the id was given, in microseconds since 1970: the order of reception."""
    return int(object_id[:TIME_WIDTH], 32)


def first_id_of(at_us: int) -> str:
    """The smallest id of a microsecond."""
    return _encode_time(at_us) + "0" * _INCARNATION_WIDTH


def received_at(object_id: str) -> datetime:
    """When the id was given; later than the clock said where the clock had stepped back."""
    return from_microseconds(received_us(object_id))


def incarnation_of(object_id: str) -> int:
    """The incarnation that gave the id."""
    return int(object_id[TIME_WIDTH:], 32)


def hour_of(object_id: str) -> int:
    """The hour that the id was given in, counted from 1970."""
    return received_us(object_id) // HOUR_US


@lru_cache(maxsize=64)
def hour_folder(hour: int) -> str:
    """The folder of an hour by day and hour in UTC, such as ``20260131/23``."""
    return f"{from_microseconds(hour * HOUR_US):%Y%m%d/%H}"


def _encode(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        digits.append(_DIGITS[number & 31])
        number >>= 5
    return "".join(reversed(digits))


def _encode_time(at_us: int) -> str:
    """Eleven characters of base 32, two at once: this is done for every object."""
    high = f"{_DIGITS[at_us >> 50 & 31]}{_PAIRS[at_us >> 40 & 1023]}{_PAIRS[at_us >> 30 & 1023]}"
    return f"{high}{_PAIRS[at_us >> 20 & 1023]}{_PAIRS[at_us >> 10 & 1023]}{_PAIRS[at_us & 1023]}"
