"""`Archive`: an archive that is not our code (pynetdicom's SCP), and does what a test wants of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, AllStoragePresentationContexts, evt, register_uid
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import uid_to_service_class

LOOPBACK = "127.0.0.1"
_VERIFICATION = "1.2.840.10008.1.1"


@attrs.frozen(kw_only=True)
class Arrival:
    """One object as it came over the wire; ``data_set`` are the bytes of its data set, undecoded."""

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    data_set: bytes = attrs.field(repr=False)


Answer = Callable[[Arrival], int | Dataset]
"""Say how an object is answered: a status, or a data set of Status (0000,0900) and what goes with it.

It runs on the association's thread, and may wait.
"""


def take_all(arrival: Arrival) -> int:
    """Answer every object with success."""
    del arrival
    return 0x0000


class Archive:
    """Keeps in memory what it is sent and answers as told.

    Parameters
    ----------
    contexts
        (SOP class, transfer syntax) pairs to accept besides the standard's storage SOP classes.
    only
        Accept these transfer syntaxes alone.

    Attributes
    ----------
    answer
        May be changed while it runs.
    arrivals
        What came, in order, whatever it was answered.
    associations
        For each association that was accepted, how many presentation contexts were proposed.
    """

    def __init__(
        self,
        ae_title: str = "ARCHIVE",
        *,
        contexts: Iterable[tuple[str, str]] = (),
        only: Iterable[str] = (),
        answer: Answer = take_all,
    ) -> None:
        self.ae_title = ae_title
        self.answer = answer
        self.arrivals: list[Arrival] = []
        self.associations: list[int] = []
        self.port = 0
        self._only = tuple(only)
        self._contexts = tuple(contexts)
        self._entity: AE | None = None

    def start(self) -> None:
        """Listen: at first on a free port, later on the same again."""
        entity = AE(self.ae_title)
        entity.maximum_pdu_size = 1 << 17
        entity.require_called_aet = True
        entity.add_supported_context(_VERIFICATION)
        syntaxes = self._only or ALL_TRANSFER_SYNTAXES
        for context in AllStoragePresentationContexts:
            assert context.abstract_syntax is not None
            entity.add_supported_context(context.abstract_syntax, list(syntaxes))
        for sop_class_uid, transfer_syntax_uid in self._contexts:
            _serve_as_storage(sop_class_uid)
            entity.add_supported_context(UID(sop_class_uid), UID(transfer_syntax_uid))
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store), (evt.EVT_ACCEPTED, self._accepted)]
        server: Any = entity.start_server((LOOPBACK, self.port), block=False, evt_handlers=handlers)
        self.port = int(server.server_address[1])
        self._entity = entity

    def stop(self) -> None:
        """End all associations and stop listening: callers are refused."""
        if self._entity is not None:
            self._entity.shutdown()
            self._entity = None

    def data_sets(self) -> dict[str, bytes]:
        """The last data set of each SOP Instance UID."""
        return {arrival.sop_instance_uid: arrival.data_set for arrival in self.arrivals}

    def peer_toml(self, name: str) -> str:
        """The archive as a peer of a router's config."""
        return f'[peers.{name}]\nae_title = "{self.ae_title}"\nhost = "{LOOPBACK}"\nport = {self.port}\n'

    def _accepted(self, event: evt.Event) -> None:
        self.associations.append(len(event.assoc.requestor.requested_contexts))

    def _store(self, event: evt.Event) -> int | Dataset:
        assert isinstance(event.request, C_STORE)
        assert event.request.DataSet is not None
        arrival = Arrival(
            sop_class_uid=str(event.request.AffectedSOPClassUID),
            sop_instance_uid=str(event.request.AffectedSOPInstanceUID),
            transfer_syntax_uid=str(event.context.transfer_syntax),
            calling_ae=event.assoc.requestor.ae_title,
            data_set=event.request.DataSet.getvalue(),
        )
        self.arrivals.append(arrival)
        return self.answer(arrival)


def _serve_as_storage(sop_class_uid: str) -> None:
    """Have pynetdicom store objects of a private, retired or unknown SOP class."""
    if uid_to_service_class(sop_class_uid) is ServiceClass:
        keyword = f"Storage_{sop_class_uid.replace('.', '_')}"
        register_uid(sop_class_uid, keyword, StorageServiceClass)


@contextlib.contextmanager
def running_archive(
    ae_title: str = "ARCHIVE",
    *,
    contexts: Iterable[tuple[str, str]] = (),
    only: Iterable[str] = (),
    answer: Answer = take_all,
) -> Iterator[Archive]:
    """Run an `Archive` while the block runs."""
    archive = Archive(ae_title, contexts=contexts, only=only, answer=answer)
    archive.start()
    try:
        yield archive
    finally:
        archive.stop()
