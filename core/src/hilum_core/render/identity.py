"""What a rendering is named by: all that made it, so that what is named alike has the same bytes.

Settings stand as they are written: what a default means is a matter of the distribution's version. What
lies outside the config, such as a table or the value of a secret, a transform stands for by its fingerprint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from hilum_core.config import ComponentEntry

_DIGITS = 32


def step_identity(entry: ComponentEntry, distribution: str, its_version: str, fingerprint: str) -> str:
    """Stand for one transform as it works now."""
    return _digest(
        [
            entry.name,
            entry.type,
            entry.table,
            entry.original_attributes,
            distribution,
            its_version,
            fingerprint,
        ]
    )


def chain_identity(steps: Iterable[str]) -> str:
    """Stand for a chain, of the identities of its transforms, and for the writer of what it makes."""
    return _digest([_writer(), *steps])


@cache
def _writer() -> list[str]:
    return [f"{name} {_version(name)}" for name in ("hilum-core", "hilum-sdk")]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
