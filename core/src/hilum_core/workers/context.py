"""What a component gets of the core, inside a worker process."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hilum_core.log import component_logger
from hilum_core.workers.associations import Associations

if TYPE_CHECKING:
    from hilum_core.workers.session import WorkerSession


class WorkerContext:
    """Implements `hilum_sdk.ComponentContext`."""

    def __init__(self, *, label: str, data_dir: Path, session: WorkerSession) -> None:
        self._label = label
        self._data_dir = data_dir
        self._session = session
        router = session.config.router
        self._dicom = Associations(
            session.config.peers, calling_ae=router.ae_title, router_tls=router.tls, beat=session.beat
        )

    @property
    def label(self) -> str:
        """Where the component stands in the config."""
        return self._label

    @property
    def logger(self) -> logging.Logger:
        """The component's logger."""
        return component_logger(self._label)

    @property
    def data_dir(self) -> Path:
        """The component's own folder, made at first use."""
        self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._data_dir

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def stopping(self) -> bool:
        """Whether the worker is to stop; looks at what the coordinator has sent."""
        self._session.look()
        return self._session.stopping or self._session.is_pressed

    def beat(self) -> None:
        """Say "still alive"."""
        self._session.beat()

    @property
    def dicom(self) -> Associations:
        """Opens associations with peers of the inventory."""
        return self._dicom
