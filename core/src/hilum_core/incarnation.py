"""Who is alive: the lock of the state directory, and a number for each process that ever worked in it.

A process holds an flock for as long as it lives, and the kernel lets go of it at its death, whatever
the death: no lock file is ever stale, and no clock decides whether a lease has ended.

Layout of the state directory, as far as it belongs here::

    lock            held by the router as a whole, inherited by its children
    incarnation     the last number given
    run/<number>    held by the process of that number; says its role, pid and start
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import attrs

from hilum_core.filesystem import NETWORK, file_system
from hilum_sdk import HilumError

PRIVATE_DIR = 0o700
PRIVATE_FILE = 0o600
_UMASK = 0o077

_OURS = ("lock", "incarnation", "queue.sqlite")
"""Files of which a state directory that was worked in has at least one."""

_NO_ONES = frozenset({"run", "spool", "lost+found"})
"""A folder with these alone is nobody else's: just made, a spool saved from elsewhere, a new disk."""


_PROBE = ".probe-"
"""What the name of a probe begins with; one is left where its process was killed."""


class StateDirError(HilumError):
    """The state directory cannot be used; the message says why and what to do."""


class StateDirInUse(StateDirError):  # noqa: N818 - it names a state of the world
    """Another router, or a child that one left behind, works in the state directory."""


def prepare_state_dir(path: Path) -> None:
    """Make the state directory if need be, and make sure that it can keep objects safe.

    The folder gets mode 0700, and this process a umask by which files get 0600.

    Raises
    ------
    StateDirError
        It cannot be made, is not ours, holds what others keep there, cannot be written, or is on a
        network file system.
    """
    os.umask(_UMASK)
    try:
        path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        system = file_system(path)
        if system in NETWORK:
            raise StateDirError(
                f"router.state_dir: {path} is on {system}, where neither a sync nor the queue's "
                f"write-ahead log can be relied on; give it a local disk"
            )
        _expect_ours(path)
        if stat.S_IMODE(path.stat().st_mode) != PRIVATE_DIR:
            path.chmod(PRIVATE_DIR)
        (path / "run").mkdir(mode=PRIVATE_DIR, exist_ok=True)
        _write_probe(path)
    except OSError as error:
        raise StateDirError(
            f"router.state_dir: {path} cannot be used ({error.strerror}); make it a folder that "
            f"belongs to the user of the router, with room on its disk"
        ) from error


def _expect_ours(path: Path) -> None:
    """Refuse a folder that others use, such as /srv: with our mode, they could not any more."""
    names = {entry.name for entry in path.iterdir()}
    if {name for name in names if not name.startswith(_PROBE)} <= _NO_ONES:
        return
    files = [path / name for name in _OURS]
    if not any(file.is_file() and not file.is_symlink() for file in files):  # /var has a link called lock
        raise StateDirError(
            f"router.state_dir: {path} holds what no router put there; give the router a folder of its own, "
            f"empty or not there yet"
        )


def _write_probe(path: Path) -> None:
    probe = path / f"{_PROBE}{os.getpid()}"
    try:
        descriptor = os.open(probe, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, PRIVATE_FILE)
        try:
            os.write(descriptor, b"probe")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:  # full is no fault: what we deliver makes room
            raise


def lock_state_dir(state_dir: Path) -> int:
    """Take the state directory for this router; returns the descriptor that holds it.

    The descriptor is inheritable: handed down to its children it keeps a second router out until the
    last of them has ended, even when the supervisor itself was killed.

    Raises
    ------
    StateDirInUse
        Somebody holds it; the message names the process where it is known.
    """
    descriptor = os.open(state_dir / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StateDirInUse(
            f"router.state_dir: {state_dir} is in use by another router (started as process {holder}); "
            f"stop that one and wait for its last child, or use another folder"
        ) from error
    with suppress(OSError):  # a full disk is no reason not to start: what we deliver makes room
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    os.set_inheritable(descriptor, True)
    return descriptor


@attrs.define(kw_only=True)
class Incarnation:
    """One life of one process: its number is in the names of its spool files and in its leases."""

    state_dir: Path
    number: int
    role: str
    _descriptor: int

    @classmethod
    def claim(cls, state_dir: Path, role: str) -> Incarnation:
        """Take the next number and hold its lock until the process ends, or `close`.

        `role` says to people what the process is, such as ``receive``. What the dead left in ``run`` is
        cleared away: without a file an incarnation is as dead as before.
        """
        run = state_dir / "run"
        run.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        with _counter(state_dir) as counter:
            number = 1 + max(_read_number(counter), *_numbers(run), 0)
            os.pwrite(counter, f"{number:020d}\n".encode("ascii"), 0)
            os.fsync(counter)
        for dead in dead_incarnations(state_dir):
            forget(state_dir, dead)
        return cls(state_dir=state_dir, number=number, role=role, descriptor=_hold(run, number, role))

    def close(self) -> None:
        """Let go: for others this incarnation is dead from here on. Safe twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def last_incarnation(state_dir: Path) -> int:
    """The last number that was given; 0 if none was."""
    with _counter(state_dir) as counter:
        return max(_read_number(counter), *_numbers(state_dir / "run"), 0)


def skip_incarnations(state_dir: Path, number: int) -> None:
    """Give only greater numbers than this from now on: a restored queue has leases of those up to it."""
    with _counter(state_dir) as counter:
        if number > _read_number(counter):
            os.pwrite(counter, f"{number:020d}\n".encode("ascii"), 0)
            os.fsync(counter)


def is_live(state_dir: Path, number: int) -> bool:
    """Whether the process of that number lives. A number that was never given, or forgotten, is dead."""
    try:
        descriptor = os.open(state_dir / "run" / str(number), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return True
    finally:
        os.close(descriptor)
    return False


def live_incarnations(state_dir: Path, role: str = "") -> set[int]:
    """The numbers of all processes that live now, or of those with a role."""
    run = state_dir / "run"
    numbers = {number for number in _numbers(run) if is_live(state_dir, number)}
    return {number for number in numbers if _role(run / str(number)) in {role, ""}} if role else numbers


def dead_incarnations(state_dir: Path) -> set[int]:
    """The numbers of processes that ended and were not forgotten yet."""
    return {number for number in _numbers(state_dir / "run") if not is_live(state_dir, number)}


def forget(state_dir: Path, number: int) -> None:
    """Remove what a dead incarnation left in ``run``; a live one is left alone."""
    if not is_live(state_dir, number):
        (state_dir / "run" / str(number)).unlink(missing_ok=True)


@contextmanager
def _counter(state_dir: Path) -> Iterator[int]:
    descriptor = os.open(state_dir / "incarnation", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _read_number(descriptor: int) -> int:
    # A counter that a power cut left empty is no reason not to start: `run` knows the numbers, too.
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0


def _numbers(run: Path) -> list[int]:
    return [int(path.name) for path in run.iterdir() if path.name.isdecimal()] if run.is_dir() else []


def _role(path: Path) -> str:
    """What an incarnation is; empty where its file does not say, because the disk was full."""
    try:
        return str(json.loads(path.read_bytes())["role"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _hold(run: Path, number: int, role: str) -> int:
    """Create the file of an incarnation under lock; it appears under its name only when it is held."""
    about = {"role": role, "pid": os.getpid(), "started_at": datetime.now(UTC).isoformat(timespec="seconds")}
    beside = run / f".{number}"
    descriptor = os.open(beside, os.O_CREAT | os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with suppress(OSError):  # a full disk is no reason not to start: what we deliver makes room
        os.write(descriptor, json.dumps(about).encode())
    beside.rename(run / str(number))
    return descriptor
