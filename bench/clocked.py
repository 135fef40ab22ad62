"""Runs a sender that is a program of its own, and says what sending took without the start of the program.

A sender in Python times itself. Of one that cannot, what it takes to send one file, given as often, is taken
off: the least of several.
"""

from __future__ import annotations

import os
import resource
import subprocess
import time
from pathlib import Path

import attrs

from bench.contestants.senders import Sender
from bench.objects import BenchObject
from bench.stopwatch import Used

_STARTS = 5
_LEAST_S = 0.001


@attrs.frozen(kw_only=True)
class SentFolder:
    """A folder with all objects, and one with the first of them alone."""

    whole: Path
    one: Path
    count: int

    @classmethod
    def write(cls, objects: list[BenchObject], folder: Path) -> SentFolder:
        """Write both below a folder."""
        made = cls(whole=folder / "whole", one=folder / "one", count=len(objects))
        for place, some in ((made.whole, objects), (made.one, objects[:1])):
            place.mkdir(parents=True)
            for an_object in some:
                an_object.write(place)
        return made


def start_up(sender: Sender, port: int, sent: SentFolder) -> Used:
    """What to take off; of a sender that times itself, nothing.

    Raises
    ------
    subprocess.CalledProcessError
        The sender failed.
    """
    if sender.times_itself:
        return Used(took_s=0, cpu_s=0, stored=0)
    starts = [_send(sender, port, sent.one, count=sender.times) for _ in range(_STARTS)]
    return min(starts, key=lambda used: used.took_s)


def send(sender: Sender, port: int, sent: SentFolder, taken_off: Used) -> Used:
    """Run the sender; what it took beyond its start, and for how many objects more than that.

    Raises
    ------
    subprocess.CalledProcessError
        The sender failed. One that times itself says how many objects were stored instead.
    """
    used = _send(sender, port, sent.whole, count=sent.count * sender.times)
    return Used(
        took_s=max(used.took_s - taken_off.took_s, _LEAST_S),
        cpu_s=max(used.cpu_s - taken_off.cpu_s, 0.0),
        stored=used.stored - taken_off.stored,
    )


def _send(sender: Sender, port: int, folder: Path, *, count: int) -> Used:
    before_s = _cpu_of_children()
    started = time.perf_counter()
    done = subprocess.run(
        sender.command(port, folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, **sender.environment},
        check=True,
        text=True,
    )
    if sender.times_itself:
        return Used.parse(done.stdout)
    took_s = time.perf_counter() - started
    return Used(took_s=took_s, cpu_s=_cpu_of_children() - before_s, stored=count)


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
