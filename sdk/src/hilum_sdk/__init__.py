"""The public face of the Hilum SDK: all that the author of a plugin imports.

The SDK is 0.x until its interfaces are frozen: depend on ``hilum-sdk>=0.N,<1``.
"""

from typing import TYPE_CHECKING, Any

from hilum_sdk.components import (
    BatchSink,
    CommitmentCheck,
    Component,
    Filter,
    Service,
    Sink,
    Transform,
)
from hilum_sdk.config import Secret, Size, about
from hilum_sdk.context import (
    ComponentContext,
    DicomAssociation,
    DicomService,
    Event,
    Feed,
    Ledger,
    Operator,
    PeerMessage,
    ServiceContext,
)
from hilum_sdk.errors import (
    ConfigError,
    DestinationUnavailable,
    HilumError,
    PermanentError,
    RefusedError,
    TemporaryError,
)
from hilum_sdk.records import (
    Association,
    CheckRequest,
    CheckResult,
    ContextNeed,
    Discard,
    Fate,
    Hold,
    Instance,
    Later,
    PeerName,
    Receipt,
    SopReference,
    Timeouts,
)
from hilum_sdk.specs import (
    RESERVED_KEYS,
    CommandSpec,
    CommitmentCheckSpec,
    ComponentSpec,
    FilterSpec,
    ServiceSpec,
    SinkSpec,
    TransformSpec,
)
from hilum_sdk.views import Bulk, Draft, ElementEditor, Item, Level, RawElement

if TYPE_CHECKING:
    from hilum_sdk.hookspecs import hookimpl

__all__ = [
    "RESERVED_KEYS",
    "Association",
    "BatchSink",
    "Bulk",
    "CheckRequest",
    "CheckResult",
    "CommandSpec",
    "CommitmentCheck",
    "CommitmentCheckSpec",
    "Component",
    "ComponentContext",
    "ComponentSpec",
    "ConfigError",
    "ContextNeed",
    "DestinationUnavailable",
    "DicomAssociation",
    "DicomService",
    "Discard",
    "Draft",
    "ElementEditor",
    "Event",
    "Fate",
    "Feed",
    "Filter",
    "FilterSpec",
    "HilumError",
    "Hold",
    "Instance",
    "Item",
    "Later",
    "Ledger",
    "Level",
    "Operator",
    "PeerMessage",
    "PeerName",
    "PermanentError",
    "RawElement",
    "Receipt",
    "RefusedError",
    "Secret",
    "Service",
    "ServiceContext",
    "ServiceSpec",
    "Sink",
    "SinkSpec",
    "Size",
    "SopReference",
    "TemporaryError",
    "Timeouts",
    "Transform",
    "TransformSpec",
    "about",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    # The receive process uses the records and loads no plugin: pluggy comes with the first plugin.
    if name == "hookimpl":
        from hilum_sdk.hookspecs import hookimpl  # noqa: PLC0415 - see above

        return hookimpl
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
