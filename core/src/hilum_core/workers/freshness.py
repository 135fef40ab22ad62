"""When the bytes of a received object are compared with its checksum before they are used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hilum_core.spool import verify

_FRESH = timedelta(minutes=10)


def verify_unless_fresh(path: Path, received_at: datetime, *, alive: Callable[[], None]) -> None:
    """Read an object again as it was received; one that came just now need not be read twice.

    ``alive`` is called again and again meanwhile.

    Raises
    ------
    SpoolDamage
        It is not what was received.
    """
    if not timedelta(0) <= datetime.now(UTC) - received_at <= _FRESH:
        verify(path, alive=alive)
