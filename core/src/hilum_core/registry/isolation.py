"""Which components run in a process of their own, apart from the worker that asks them."""

from __future__ import annotations

import attrs

from hilum_core.config import ComponentEntry
from hilum_core.registry.declared import Declared
from hilum_core.registry.versions import normalized

STANDARD = frozenset(
    {
        "hilum-filter-tags",
        "hilum-transform-deidentify",
        "hilum-transform-edit",
        "hilum-sink-dicom",
        "hilum-sink-folder",
        "hilum-sink-s3",
    }
)
"""The distributions that are developed and tested with the core: theirs share a worker by default."""


@attrs.frozen(kw_only=True)
class Isolated:
    """A component that its worker must not import; distribution and version are known by metadata."""

    label: str
    distribution: str
    version: str

    @property
    def blame(self) -> str:
        """Who answers for it: ``acme-tools 1.0``."""
        return f"{self.distribution} {self.version}"


def is_standard(distribution: str) -> bool:
    """Whether a distribution comes with Hilum."""
    return normalized(distribution) in STANDARD


def is_isolated(entry: ComponentEntry, declared: Declared) -> bool:
    """Whether the component has a process of its own: as its config says, else by whose it is."""
    if entry.isolate is not None:
        return entry.isolate
    return not is_standard(declared.distribution)
