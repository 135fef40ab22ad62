"""Sink ``dicom``: send objects to a DICOM node by C-STORE."""

from __future__ import annotations

from collections.abc import Iterable

from hilum_sdk import SinkSpec, hookimpl
from hilum_sink_dicom.config import DicomConfig


@hookimpl
def hilum_register_sinks() -> Iterable[SinkSpec]:
    """Register the sink."""
    yield SinkSpec(
        type="dicom",
        config=DicomConfig,
        create="hilum_sink_dicom.sink:DicomSink",
        summary="Sends to a DICOM node by C-STORE",
        peer=lambda config: config.peer,
    )
