"""Figures as an operator reads them: ages, sizes, times, who acts."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime, timedelta

_UNITS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def age_words(age: timedelta | None) -> str:
    """Write an age in its two largest units: ``2 d 4 h``, ``12 s``; ``-`` where there is none."""
    if age is None:
        return "-"
    rest = max(0, int(age.total_seconds()))
    counts = []
    for unit, length in _UNITS:
        count, rest = divmod(rest, length)
        counts.append((count, unit))
    first = next((index for index, (count, _) in enumerate(counts) if count), len(counts) - 1)
    return " ".join(f"{count} {unit}" for count, unit in counts[first : first + 2] if count) or "0 s"


def age_since(at: datetime | None, now: datetime) -> timedelta | None:
    """The time since `at`, never negative; None where it never was."""
    return None if at is None else max(now - at, timedelta(0))


def size_words(size_bytes: float) -> str:
    """Write a size with a decimal unit: ``512 B``, ``41.2 MB``."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{int(size_bytes)} B"


def time_words(at: datetime | None) -> str:
    """Write a time in UTC to the second; ``-`` where there is none."""
    return "-" if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def count_words(count: int, singular: str, plural: str = "") -> str:
    """Write ``1 delivery``, ``2 deliveries``."""
    return f"{count:,} {singular if count == 1 else plural or singular + 's'}"


def who_acts() -> str:
    """Name the person at the keyboard, for the ledger: the login name, behind a sudo as well."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER", "")
    return f"{behind} as {name}" if behind and behind != name else name
