"""Sink ``folder``: write objects as files into a folder tree."""

from __future__ import annotations

from collections.abc import Iterable

from hilum_sdk import SinkSpec, hookimpl
from hilum_sink_folder.config import FolderConfig


@hookimpl
def hilum_register_sinks() -> Iterable[SinkSpec]:
    """Register the sink."""
    yield SinkSpec(
        type="folder",
        config=FolderConfig,
        create="hilum_sink_folder.sink:FolderSink",
        summary="Writes DICOM files into a folder tree",
    )
