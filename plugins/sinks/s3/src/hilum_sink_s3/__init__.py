"""Sink ``s3``: store objects in a bucket of S3 and what speaks it, Google Cloud Storage or Azure."""

from __future__ import annotations

from collections.abc import Iterable

from hilum_sdk import SinkSpec, hookimpl
from hilum_sink_s3.config import S3Config


@hookimpl
def hilum_register_sinks() -> Iterable[SinkSpec]:
    """Register the sink."""
    yield SinkSpec(
        type="s3",
        config=S3Config,
        create="hilum_sink_s3.sink:S3Sink",
        summary="Stores DICOM files in a bucket: S3, Google Cloud Storage, Azure",
    )
