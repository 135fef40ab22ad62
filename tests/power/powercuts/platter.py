"""What a power cut may leave of a disk.

Everything up to the last flush is there. Of what was written after it, any part may be: each write whole,
not at all, or torn between two sectors; later ones also where earlier ones are lost.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from powercuts.tape import Tape, Write

_SECTOR = 4096
"""Disks write one whole or not at all: file systems count on it for their superblocks."""


class Platter:
    """A disk as it surely is at the last flush before some moment; moments must come in their order.

    Parameters
    ----------
    blank
        The disk as it was when the tape began. It is changed.
    """

    def __init__(self, blank: Path, tape: Tape) -> None:
        self._path = blank
        self._tape = tape
        self._safe_until = 0

    def cut(self, at: int, rng: random.Random, copy: Path) -> None:
        """Make a copy of the disk as a power cut at that moment may leave it."""
        unflushed = self._flush_until(at)
        # `cp` keeps the holes: most of the disk is one.
        subprocess.run(["cp", "--sparse=always", self._path, copy], check=True)
        with copy.open("r+b", buffering=0) as file:
            for write in unflushed:
                for offset, data in survivors(write, rng):
                    os.pwrite(file.fileno(), data, offset)

    def _flush_until(self, at: int) -> list[Write]:
        """Write what was flushed by then; what was not is returned."""
        unflushed: list[Write] = []
        with self._path.open("r+b", buffering=0) as file:
            for end, record in self._tape.records(self._safe_until, at):
                if isinstance(record, Write):
                    unflushed.append(record)
                    continue
                for write in unflushed:
                    os.pwrite(file.fileno(), write.data, write.offset)
                unflushed = []
                self._safe_until = end
        return unflushed


def survivors(write: Write, rng: random.Random) -> list[tuple[int, memoryview]]:
    """What a power cut leaves of a write that was not flushed, as (offset, bytes)."""
    fate = rng.random()
    if fate < 0.4:
        return [(write.offset, write.data)]
    if fate < 0.8:
        return []
    sectors = range(0, len(write.data), _SECTOR)
    return [
        (write.offset + start, write.data[start : start + _SECTOR]) for start in sectors if rng.random() < 0.5
    ]
