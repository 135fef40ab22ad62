"""The five kinds of component that a plugin can add, as base classes to inherit from.

A component is made as ``Class(config, context)``: its own attrs config, checked, and the core's
`ComponentContext`. There is one object per worker process, never called by two threads at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from hilum_sdk.context import ComponentContext, Feed, PeerMessage, ServiceContext
from hilum_sdk.errors import PermanentError
from hilum_sdk.records import CheckRequest, CheckResult, Discard, Hold, Instance, Later, Receipt
from hilum_sdk.views import Draft, Item

if TYPE_CHECKING:  # pydicom takes 0.3 s to import, and coordinators never read a data set
    from pydicom.dataset import Dataset


class Component(ABC):  # noqa: B024 - its subclasses say what must be done; these three have a default
    """What all components share: made cheaply, opened before use, closed at the end."""

    def __init__(self, config: Any, context: ComponentContext) -> None:
        """Keep config and context. Neither connect nor read files here: that is for `open`."""
        self.config = config
        self.context = context

    def open(self) -> None:  # noqa: B027 - a component without resources has nothing to open
        """Get ready to work. Raise `ConfigError` or `DestinationUnavailable` if that cannot be."""

    def probe(self) -> None:  # noqa: B027 - a component without a destination is always usable
        """Say whether the component could work now: cheap, changes nothing, works unopened.

        Raises
        ------
        DestinationUnavailable
            It could not; the message says why. The breaker and `hilum check --environment` call this.
        """

    def close(self, timeout: timedelta) -> None:  # noqa: B027 - as for open
        """Let go of everything within `timeout`. Safe unopened, and safe twice."""


class Filter(Component):
    """Decides whether an object takes a route. Sees no pixels."""

    needs: Collection[int] | None = None
    """The top-level tags that it reads; None for the whole header. The core reads no further than it must."""

    @abstractmethod
    def matches(self, header: Dataset, instance: Instance) -> bool:
        """Whether the object matches. `header` is shared between filters: do not change it.

        Raises
        ------
        TemporaryError
            It cannot be said now: the object waits, others go on.
        """

    def explain(self, header: Dataset, instance: Instance) -> str:  # noqa: ARG002 - for subclasses to use
        """Say in words why the object does or does not match. May show values: it is never logged."""
        return ""


class Transform(Component):
    """Changes an object on its way to some destinations. Deterministic: a retry renders the same bytes."""

    @abstractmethod
    def apply(self, draft: Draft) -> Discard | Hold | None:
        """Change the draft, or end its delivery here. If it raises, nothing is ever sent untransformed."""

    def verify(self, original: Draft, rendered: Item) -> Sequence[Hold]:  # noqa: ARG002 - for subclasses to use
        """Look at the outcome of the whole chain, encoded; each `Hold` returned stops the delivery."""
        return ()

    def fingerprint(self) -> str:
        """Stand for outside input (digests of a table, of a secret): part of a rendering's identity."""
        return ""


class Sink(Component):
    """A destination that takes one object at a time."""

    @abstractmethod
    def deliver(self, item: Item) -> Receipt:
        """Deliver the item durably. Returning means delivered; may be asked twice for one object.

        Raises
        ------
        TemporaryError, RefusedError, PermanentError, DestinationUnavailable
            See `hilum_sdk.errors` for what the core does.
        """


class BatchSink(Component):
    """A destination that serves many objects in one session, such as an association."""

    @abstractmethod
    def deliver(self, feed: Feed) -> None:
        """Take items from the feed and settle each, until none come; then return.

        Called again when there is work. If it raises, the items begun and not settled fail with that
        error, the others return unspent.
        """


class CommitmentCheck(Component):
    """Proves that what was sent is kept. Asks, never changes."""

    most_references: ClassVar[int] = 1000

    @abstractmethod
    def ask(self, request: CheckRequest) -> Sequence[CheckResult] | Later:
        """Ask the archive about each reference. The request was stored before; it may be asked twice."""

    def hear(self, request: CheckRequest, message: PeerMessage) -> Sequence[CheckResult]:  # noqa: ARG002
        """Read the peer's report, which may come days later on any association."""
        raise PermanentError(f"{self.context.label}: this check expects no message of the peer")


class Service(Component):
    """Works beside the flow in a process of its own: console, metrics, alerts."""

    context: ServiceContext

    @abstractmethod
    def run(self) -> None:
        """Work until ``context.stopping()``."""
