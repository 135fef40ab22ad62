"""Associations for plugins: the inventory on one side, the wire on the other.

This is the fast path of every DICOM sink: what an item has on disk goes to the socket without being
read by the plugin. A peer's status becomes the error that tells the core what to do (see the table
of statuses in `hilum_core.dicom.statuses`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from pydicom.dataset import Dataset

from hilum_core.config import PeerSettings, RouterTls
from hilum_core.credentials import remote_node
from hilum_core.dicom.requestor import (
    AssociationLost,
    FileSegment,
    RemoteNode,
    RequestorAssociation,
    RequestorError,
    RequestorSettings,
    StoreAnswer,
)
from hilum_core.dicom.statuses import Verdict, is_warning, judge_store, status_in_words
from hilum_sdk import (
    ConfigError,
    ContextNeed,
    DestinationUnavailable,
    HilumError,
    Item,
    PeerName,
    PermanentError,
    Receipt,
    RefusedError,
    TemporaryError,
    Timeouts,
)

_ERRORS: Mapping[Verdict, type[HilumError]] = {
    Verdict.RETRY: TemporaryError,
    Verdict.REFUSED: RefusedError,
    Verdict.DEAD: PermanentError,
}
_LONGEST_RELEASE_S = 10.0


class Associations:
    """Implements `hilum_sdk.DicomService` for the peers of one config.

    ``router_tls`` stands in for what a peer's TLS settings leave out.
    ``beat`` is called while the bytes of an object flow: how long that takes depends on the line, and a
    slow one is no plugin that hangs.
    """

    def __init__(
        self,
        peers: Mapping[str, PeerSettings],
        *,
        calling_ae: str,
        router_tls: RouterTls | None = None,
        beat: Callable[[], None] | None = None,
    ) -> None:
        self._peers = peers
        self._calling_ae = calling_ae
        self._router_tls = router_tls
        self._beat = beat

    @contextmanager
    def associate(
        self,
        peer: PeerName,
        needs: Sequence[ContextNeed],
        *,
        calling_ae: str | None = None,
        roles: Mapping[str, tuple[bool, bool]] | None = None,
        timeouts: Timeouts | None = None,
    ) -> Iterator[PeerAssociation]:
        """Open an association; it is released at the end of the block, or aborted if that raises."""
        settings = _settings(calling_ae or self._calling_ae, timeouts or Timeouts())
        try:
            association = RequestorAssociation.open(self._node(peer), needs, settings, roles=roles)
        except RequestorError as error:
            raise DestinationUnavailable(f"{peer}: {error}") from error
        with association:
            yield PeerAssociation(peer, association, self._beat)

    def _node(self, peer: PeerName) -> RemoteNode:
        try:
            return remote_node(peer, self._peers[peer], self._router_tls)
        except ConfigError as error:
            raise DestinationUnavailable(error.message) from error


class PeerAssociation:
    """Implements `hilum_sdk.DicomAssociation`."""

    def __init__(
        self, peer: str, association: RequestorAssociation, beat: Callable[[], None] | None = None
    ) -> None:
        self._peer = peer
        self._association = association
        self._beat = beat

    @property
    def accepted(self) -> Mapping[str, Collection[str]]:
        """By SOP class, the transfer syntaxes that the peer accepted."""
        return self._association.accepted

    def store(self, item: Item, transfer_syntax_uid: str) -> Receipt:
        """Send one object by C-STORE; see the protocol for what is raised."""
        with item.data_set(transfer_syntax_uid) as source, self._translated():
            answer = self._association.store(
                _segment(source) or source,
                sop_class_uid=item.sop_class_uid,
                sop_instance_uid=item.sop_instance_uid,
                transfer_syntax_uid=transfer_syntax_uid,
                progress=self._beat,
            )
        return self._receipt(answer)

    def _receipt(self, answer: StoreAnswer) -> Receipt:
        words = status_in_words(answer.status)
        verdict = judge_store(answer.status)
        if verdict is Verdict.DELIVERED:
            warning = words if is_warning(answer.status) else None
            return Receipt(status=answer.status, warning=warning)
        # The peer's own comment (0000,0902) may quote the object, so it goes no further.
        raise _ERRORS[verdict](f"{self._peer} answered {answer.status:04X}H: {words}", status=answer.status)

    def echo(self) -> None:
        """Verify the association by C-ECHO."""
        with self._translated():
            self._association.echo()

    def n_action(self, sop_class_uid: str, sop_instance_uid: str, action_type: int, dataset: Dataset) -> int:
        """Ask for an action and return the status."""
        with self._translated():
            return self._association.n_action(sop_class_uid, sop_instance_uid, action_type, dataset)

    def find(self, model_uid: str, query: Dataset) -> Iterator[Dataset]:
        """Query by C-FIND; one data set for each match."""
        with self._translated():
            yield from self._association.find(model_uid, query)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except AssociationLost as error:
            raise DestinationUnavailable(f"{self._peer}: {error}") from error
        except RequestorError as error:
            raise TemporaryError(f"{self._peer}: {error}") from error


def _settings(calling_ae: str, timeouts: Timeouts) -> RequestorSettings:
    return RequestorSettings(
        calling_ae=calling_ae,
        connect_timeout_s=timeouts.connect.total_seconds(),
        association_timeout_s=timeouts.association.total_seconds(),
        send_timeout_s=timeouts.send.total_seconds(),
        response_timeout_s=timeouts.response.total_seconds(),
        # Who is slow to answer a request for an association may be as slow to answer one for its end.
        release_timeout_s=min(_LONGEST_RELEASE_S, timeouts.association.total_seconds()),
    )


def _segment(source: BinaryIO) -> FileSegment | None:
    """The stretch of a file behind a stream, so that the wire can read it by itself."""
    file_segment = getattr(source, "file_segment", None)
    span = file_segment() if file_segment else None
    return FileSegment(*span) if span else None
