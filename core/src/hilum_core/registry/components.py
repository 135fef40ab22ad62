"""A component of the config together with the plugin that makes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from hilum_core.config import ComponentEntry, Kind
from hilum_core.registry.faults import PluginError, place_of
from hilum_core.registry.loading import import_object
from hilum_sdk import (
    BatchSink,
    CommitmentCheck,
    Component,
    ComponentContext,
    ComponentSpec,
    Filter,
    HilumError,
    Service,
    Sink,
    Transform,
)

_BASES: Mapping[Kind, tuple[type[Component], ...]] = {
    "filters": (Filter,),
    "transforms": (Transform,),
    "sinks": (Sink, BatchSink),
    "checks": (CommitmentCheck,),
    "services": (Service,),
}


@attrs.frozen(kw_only=True)
class Composed:
    """One component that can be made: its entry, its own config, its spec, and whose it is.

    ``peer`` is whom a sink sends to, if to a DICOM node; ``deidentifies``, ``needs_pixels`` and
    ``transcodes`` are what a transform says of itself.
    """

    entry: ComponentEntry
    config: Any
    spec: ComponentSpec
    distribution: str
    version: str
    peer: str | None = None
    deidentifies: bool = False
    needs_pixels: bool = False
    transcodes: bool = False

    @property
    def blame(self) -> str:
        """Who answers for it: ``acme-tools 1.0``."""
        return f"{self.distribution} {self.version}"

    def create(self, context: ComponentContext) -> Component:
        """Make the component, importing its class if need be.

        Raises
        ------
        PluginError
            It cannot be imported, raised something of its own, or is not a component of its kind.
        HilumError
            The component says itself what is wrong.
        """
        make = self._import() if isinstance(self.spec.create, str) else self.spec.create
        try:
            component = make(self.config, context)
        except HilumError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(f"cannot be made: {place_of(error)}", blame=self.blame) from error
        bases = _BASES[self.entry.kind]
        if not isinstance(component, bases):
            wanted = " or ".join(base.__name__ for base in bases)
            raise PluginError(f"create gave a {type(component).__name__}, not a {wanted}", blame=self.blame)
        return component

    def _import(self) -> Any:
        try:
            return import_object(str(self.spec.create))
        except (Exception, SystemExit) as error:
            fault = f"{self.spec.create} cannot be imported: {place_of(error)}"
            raise PluginError(fault, blame=self.blame) from error
