"""The peers of the demo: a modality and an archive, both pynetdicom's, so that our code meets another's.

Neither decodes a data set: what they send and keep are the bytes of the file and of the wire.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom.uid import UID
from pynetdicom import (
    AE,
    ALL_TRANSFER_SYNTAXES,
    AllStoragePresentationContexts,
    _config,
    evt,
)
from pynetdicom.dimse_primitives import C_STORE

from hilum_core.demo.objects import DemoObject

MODALITY_AE = "MODALITY"
ARCHIVE_AE = "ARCHIVE"
LOOPBACK = "127.0.0.1"
_VERIFICATION = "1.2.840.10008.1.1"

Answer = Callable[[DemoObject, str], None]


class Modality:
    """Sends objects to the router, each in its own transfer syntax, as it stands in the file."""

    def __init__(self, *, router_ae: str, router_port: int) -> None:
        self._router_ae = router_ae
        self._router_port = router_port

    def echo(self) -> bool:
        """Ask the router whether it is there."""
        entity = AE(MODALITY_AE)
        entity.add_requested_context(_VERIFICATION)
        entity.connection_timeout = 2
        association = entity.associate(LOOPBACK, self._router_port, ae_title=self._router_ae)
        if not association.is_established:
            return False
        status = association.send_c_echo()
        association.release()
        return bool(status) and status.Status == 0

    def send(self, objects: Sequence[DemoObject], answered: Answer) -> None:
        """Send the objects over one association; say after each how the router answered, in words."""
        entity = AE(MODALITY_AE)
        for sop_class_uid, transfer_syntax_uid in sorted(_contexts(objects)):
            entity.add_requested_context(sop_class_uid, transfer_syntax_uid)
        association = entity.associate(LOOPBACK, self._router_port, ae_title=self._router_ae)
        if not association.is_established:
            for item in objects:
                answered(item, "no association")
            return
        with _as_it_stands():
            for item in objects:
                answered(item, _store(association, item))
        association.release()


class Archive:
    """Keeps what it is sent: one file an object, the data set as the wire brought it."""

    def __init__(self, folder: Path, objects: Sequence[DemoObject]) -> None:
        self._folder = folder
        self._entity = AE(ARCHIVE_AE)
        self._entity.add_supported_context(_VERIFICATION)
        for context in AllStoragePresentationContexts:
            assert context.abstract_syntax is not None
            self._entity.add_supported_context(context.abstract_syntax, ALL_TRANSFER_SYNTAXES)
        for sop_class_uid, transfer_syntax_uid in _contexts(objects):
            self._entity.add_supported_context(sop_class_uid, transfer_syntax_uid)
        self._server: Any = None

    def start(self) -> int:
        """Listen on a free port of the loopback address, and return the port."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._server = self._entity.start_server(
            (LOOPBACK, 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._keep)]
        )
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """End all associations and the server."""
        self._entity.shutdown()

    def _keep(self, event: evt.Event) -> int:
        assert isinstance(event.request, C_STORE)
        path = self._folder / f"{event.request.AffectedSOPInstanceUID}.dcm"
        path.write_bytes(event.encoded_dataset())
        return 0x0000


def _contexts(objects: Sequence[DemoObject]) -> set[tuple[UID, UID]]:
    return {(item.sop_class_uid, item.transfer_syntax_uid) for item in objects}


def _store(association: Any, item: DemoObject) -> str:
    try:
        status = association.send_c_store(item.path)
    except (ValueError, RuntimeError) as error:
        # ValueError: no accepted context for it; RuntimeError: the association has ended.
        return type(error).__name__
    # pynetdicom's reactor thread would take the next answer from us if we sent before it went on.
    while association.is_established and association._is_paused:  # noqa: SLF001 - there is no public way
        time.sleep(0.0001)
    if "Status" not in status:
        return "no answer"
    return "stored" if status.Status == 0 else f"status 0x{status.Status:04X}"


@contextmanager
def _as_it_stands() -> Iterator[None]:
    """Make pynetdicom send the bytes of the file; by default it decodes and encodes them anew."""
    before = _config.STORE_SEND_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET = before
