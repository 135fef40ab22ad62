"""The transforms of one process, each with what the core knows of it."""

from __future__ import annotations

from typing import Self

import attrs

from hilum_core.config import ComponentEntry
from hilum_core.registry import Composed
from hilum_core.render.apart import ApartTransform
from hilum_core.render.identity import step_identity
from hilum_sdk import Transform


@attrs.frozen(kw_only=True)
class Step:
    """One transform of a chain, and whose it is. ``is_deidentifying`` is what its spec says."""

    entry: ComponentEntry
    transform: Transform | ApartTransform
    distribution: str
    version: str
    is_deidentifying: bool = False

    @classmethod
    def of(cls, composed: Composed, transform: Transform) -> Self:
        """Make one of a transform that works in this process."""
        return cls(
            entry=composed.entry,
            transform=transform,
            distribution=composed.distribution,
            version=composed.version,
            is_deidentifying=composed.deidentifies,
        )

    @property
    def name(self) -> str:
        """Its name in the config."""
        return self.entry.name

    @property
    def plugin(self) -> str:
        """Who answers for it: ``acme-tools 1.0``."""
        return f"{self.distribution} {self.version}"

    @property
    def blame(self) -> str:
        """The same with its name, for a failure."""
        return f"{self.name} ({self.plugin})"

    @property
    def records(self) -> str:
        """The reason that is recorded in the data set with what it changes; empty if nothing is."""
        return self.entry.original_attributes or ""

    @property
    def deidentifies(self) -> bool:
        """Whether what passes it is de-identified."""
        if isinstance(self.transform, ApartTransform):
            return self.transform.deidentifies
        return self.is_deidentifying

    @property
    def verifies(self) -> bool:
        """Whether it looks at the outcome of the chain."""
        if isinstance(self.transform, ApartTransform):
            return self.transform.verifies
        return type(self.transform).verify is not Transform.verify

    @property
    def is_there(self) -> bool:
        """Whether it can be asked: one that is isolated, when its process works."""
        return not isinstance(self.transform, ApartTransform) or self.transform.is_there

    def identity(self) -> str:
        """Stand for it as it works now; raises what its `fingerprint` raises."""
        return step_identity(self.entry, self.distribution, self.version, self.transform.fingerprint())
