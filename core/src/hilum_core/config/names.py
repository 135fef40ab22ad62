"""What may be a name in the config: names end up in file names, labels and metrics."""

from __future__ import annotations

import re

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def bad_name(name: str) -> str:
    """Say what is wrong with the name of a peer or component; empty if nothing is."""
    if _NAME.fullmatch(name):
        return ""
    return "a name has 1 to 64 letters of a-z and A-Z, digits, '-' and '_'"
