"""What the core hands to a component, as protocols: the core may add to them, never take away."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from logging import Logger
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hilum_sdk.errors import HilumError
from hilum_sdk.records import ContextNeed, PeerName, Receipt, Timeouts
from hilum_sdk.views import Item

if TYPE_CHECKING:  # pydicom takes 0.3 s to import, and coordinators never read a data set
    from pydicom.dataset import Dataset


class Feed(Protocol):
    """The leased items of one lane; the core renews the leases while `BatchSink.deliver` runs.

    An exception from `deliver` counts against the items that were begun and not settled; all others
    return unspent.
    """

    def needs(self, *, at_most: int = 128) -> Sequence[ContextNeed]:
        """What the waiting items need, most wanted first; nothing is claimed."""
        ...

    def take(
        self, *, wait: timedelta = timedelta(0), most_items: int = 1, most_bytes: int | None = None
    ) -> Sequence[Item]:
        """Claim items, oldest first. Empty when none came within `wait`, or the lane stops."""
        ...

    def begin(self, item: Item) -> None:
        """From here on a failure spends an attempt of this item."""
        ...

    def delivered(self, item: Item, receipt: Receipt = Receipt()) -> None:  # noqa: B008 - frozen
        """The destination has the item, durably."""
        ...

    def failed(self, item: Item, error: HilumError) -> None:
        """The item was not taken; the class of `error` says what happens to it."""
        ...

    def give_back(self, item: Item) -> None:
        """Return an item unspent: it will be offered again, perhaps in another session."""
        ...


class PeerMessage(Protocol):
    """An N-EVENT-REPORT, stored by the core before it was answered (PS3.7 10.1.1)."""

    @property
    def event_type_id(self) -> int:
        """Event Type ID (0000,1002)."""
        ...

    @property
    def dataset(self) -> Dataset:
        """The event's information."""
        ...


class DicomAssociation(Protocol):
    """An open association as requestor."""

    @property
    def accepted(self) -> Mapping[str, Collection[str]]:
        """By SOP class, the transfer syntaxes that the peer accepted."""
        ...

    def store(self, item: Item, transfer_syntax_uid: str) -> Receipt:
        """Send one object by C-STORE.

        Raises
        ------
        TemporaryError, RefusedError, PermanentError
            By the peer's status (PS3.4 Table B.2-1).
        DestinationUnavailable
            The association broke.
        """
        ...

    def echo(self) -> None:
        """Verify the association by C-ECHO (PS3.4 Annex A)."""
        ...

    def n_action(self, sop_class_uid: str, sop_instance_uid: str, action_type: int, dataset: Dataset) -> int:
        """Ask for an action and return the status (PS3.7 10.1.4)."""
        ...

    def find(self, model_uid: str, query: Dataset) -> Iterator[Dataset]:
        """Query by C-FIND; one data set for each match (PS3.4 Annex C)."""
        ...


class DicomService(Protocol):
    """Opens associations: TLS, limits, timeouts and the fast path live behind it."""

    def associate(
        self,
        peer: PeerName,
        needs: Sequence[ContextNeed],
        *,
        calling_ae: str | None = None,
        roles: Mapping[str, tuple[bool, bool]] | None = None,
        timeouts: Timeouts | None = None,
    ) -> AbstractContextManager[DicomAssociation]:
        """Open an association with a peer of the inventory; at most 128 needs.

        Raises
        ------
        DestinationUnavailable
            No connection, or the peer rejected the association, or accepted no context at all.
        """
        ...


class Event(Protocol):
    """One line of the ledger."""

    @property
    def cursor(self) -> int:
        """Its place in the ledger; later ones are greater."""
        ...

    @property
    def kind(self) -> str:
        """What happened, such as ``sent``."""
        ...


class Ledger(Protocol):
    """The append-only record of what happened."""

    def read(self, after: int, limit: int) -> Sequence[Event]:
        """The next events after a cursor, oldest first; 0 for the beginning."""
        ...


class Operator(Protocol):
    """What a person may do, on record: every call keeps who and why."""

    def retry(self, delivery_id: str, *, by: str, because: str) -> None:
        """Make a dead or waiting delivery due at once."""
        ...


class ComponentContext(Protocol):
    """The core's side of one component."""

    @property
    def label(self) -> str:
        """Where it stands in the config, such as ``sinks.pacs``."""
        ...

    @property
    def logger(self) -> Logger:
        """For events and UIDs, never for patient data."""
        ...

    @property
    def data_dir(self) -> Path:
        """A folder of its own, made at first use, shared by all processes of this component."""
        ...

    def now(self) -> datetime:
        """Aware UTC."""
        ...

    def stopping(self) -> bool:
        """Whether to come to an end."""
        ...

    def beat(self) -> None:
        """Say "still alive": a call that takes long is cut at its limit unless it beats."""
        ...

    @property
    def dicom(self) -> DicomService:
        """Opens associations with the peers of the config."""
        ...


class ServiceContext(ComponentContext, Protocol):
    """The core's side of a service, which may also read the ledger and act for an operator."""

    @property
    def ledger(self) -> Ledger:
        """The record of what happened."""
        ...

    @property
    def operator(self) -> Operator:
        """What a person may do."""
        ...
