"""What a component gets of the core where a command calls it, beside the router or without one."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hilum_core.config import Config
from hilum_core.log import component_logger
from hilum_core.workers.associations import Associations


class CommandContext:
    """Implements `hilum_sdk.ComponentContext`. Its data folder is not the router's."""

    def __init__(self, *, label: str, data_dir: Path, config: Config) -> None:
        self.label = label
        self.data_dir = data_dir
        self.dicom: Any = Associations(
            config.peers, calling_ae=config.router.ae_title, router_tls=config.router.tls
        )

    @property
    def logger(self) -> logging.Logger:
        """The component's logger."""
        return component_logger(self.label)

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)

    def stopping(self) -> bool:
        """Never: who is tired of a command ends it."""
        return False

    def beat(self) -> None:
        """Nothing waits for a sign of life."""
