"""What a plugin registers: cheap records that name a component, its config class and where to find it.

The core imports what ``create`` names only in the process that uses it, and only if the config names
the component.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from hilum_sdk.components import Component
from hilum_sdk.records import PeerName

RESERVED_KEYS = frozenset(
    {
        "type",
        "delivery",
        "confirm",
        "transcode",
        "deidentified_only",
        "isolate",
        "original_attributes",
        "disabled",
        "description",
    }
)
"""Keys of a component's table that belong to the core; later ones will stand under ``delivery``."""


def _no_reserved_keys(spec: ComponentSpec, attribute: attrs.Attribute[Any], config: type[Any]) -> None:  # noqa: ARG001
    if not attrs.has(config):
        raise ValueError(f"config of {spec.type!r}: {config!r} is not an attrs class")
    taken = RESERVED_KEYS & {f.metadata.get("key", f.alias) for f in attrs.fields(config)}
    if taken:
        raise ValueError(
            f"config of {spec.type!r}: the core owns the key {min(taken)!r}; give the field another name"
        )


@attrs.frozen(kw_only=True)
class ComponentSpec:
    """What all specs share.

    Attributes
    ----------
    type
        The name users write as ``type`` in the config; equal to the entry point's name.
    config
        An attrs class with the component's settings; see `hilum_sdk.config`.
    create
        ``"package.module:Class"``, or anything callable with (config, context).
    summary
        One line for `hilum plugins`.

    Raises
    ------
    ValueError
        The config class has a field whose key the core owns.
    """

    # `config` stands before `type`: a field called `type` would hide the builtin in what follows.
    config: type[Any] = attrs.field(validator=_no_reserved_keys)
    type: str
    create: str | Callable[[Any, Any], Component]
    summary: str = ""


@attrs.frozen(kw_only=True)
class FilterSpec(ComponentSpec):
    """Registers a `Filter`."""


@attrs.frozen(kw_only=True)
class TransformSpec(ComponentSpec):
    """Registers a `Transform`; by its config, whether it reads pixels, de-identifies, or only transcodes.

    What ``deidentifies`` has to implement `Transform.verify` and to set Patient Identity Removed
    (0012,0062) to YES: without either nothing goes to a sink with ``deidentified_only``. A transform
    that ``transcodes`` changes how pixels are encoded, and of the header only what says so: it is the
    only one that may stand behind a de-identifying one there.
    """

    needs_pixels: Callable[[Any], bool] = lambda config: False  # noqa: ARG005
    deidentifies: Callable[[Any], bool] = lambda config: False  # noqa: ARG005
    transcodes: Callable[[Any], bool] = lambda config: False  # noqa: ARG005


@attrs.frozen(kw_only=True)
class SinkSpec(ComponentSpec):
    """Registers a `Sink` or `BatchSink`; ``peer`` tells whom its config sends to, if to a DICOM node."""

    peer: Callable[[Any], PeerName | None] = lambda config: None  # noqa: ARG005


@attrs.frozen(kw_only=True)
class CommitmentCheckSpec(ComponentSpec):
    """Registers a `CommitmentCheck`."""


@attrs.frozen(kw_only=True)
class ServiceSpec(ComponentSpec):
    """Registers a `Service`."""


@attrs.frozen(kw_only=True)
class CommandSpec:
    """Registers a subcommand of `hilum`; ``command`` is ``"package.module:click_command"``."""

    name: str
    command: str
    summary: str = ""
