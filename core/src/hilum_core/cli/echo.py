"""`hilum echo`."""

from __future__ import annotations

import time
from pathlib import Path

import click
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from hilum_core.cli.failures import CommandError
from hilum_core.cli.peer import peer_arguments, resolve
from hilum_core.dicom.contexts import VERIFICATION
from hilum_core.dicom.requestor import RequestorAssociation, RequestorError, RequestorSettings
from hilum_core.log import quiet_libraries
from hilum_sdk import ContextNeed

_VERIFICATION = ContextNeed(
    sop_class_uid=VERIFICATION, transfer_syntaxes=(ImplicitVRLittleEndian, ExplicitVRLittleEndian)
)


@click.command()
@peer_arguments
def echo(*, peer: str, config_path: Path | None, calling_ae: str | None) -> None:
    """Ask a DICOM node whether it is there (C-ECHO, PS3.4 Annex A).

    PEER is the name of a peer in the config, or AE@host:port.
    """
    quiet_libraries()
    call = resolve(peer, config_path=config_path, calling_ae=calling_ae)
    started = time.monotonic()
    try:
        with RequestorAssociation.open(
            call.node, [_VERIFICATION], RequestorSettings(calling_ae=call.calling_ae)
        ) as association:
            association.echo()
    except RequestorError as error:
        raise CommandError(f"{call.node} as {call.calling_ae}: {error.message}") from error
    took_ms = (time.monotonic() - started) * 1000
    click.echo(f"{call.node} answers, called as {call.calling_ae} ({took_ms:.0f} ms)")
