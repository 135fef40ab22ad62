"""Orthanc, as receiver and, with a script in Lua, as router."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from bench.contestants.receivers import CALLED_AE, ServerReceiver
from bench.processes import DCMTK_ENVIRONMENT, Server, free_port, start
from bench.wire import PDU_BYTES


class Orthanc(ServerReceiver):
    """Orthanc without its web server.

    It keeps files under names of its own; removing them below it is nothing that it notices here.

    Parameters
    ----------
    is_durable
        Whether it syncs each file (``SyncStorageArea``).
    lua
        A script to run.
    archive_port
        Where its modality ``archive`` listens.
    environment
        By default Nagle's algorithm is off: its network is DCMTK's.
    """

    share = 0.25

    def __init__(
        self,
        *,
        is_durable: bool,
        lua: str = "",
        archive_port: int = 0,
        environment: Mapping[str, str] = DCMTK_ENVIRONMENT,
    ) -> None:
        super().__init__()
        self.is_durable = is_durable
        self.name = "orthanc" if is_durable else "orthanc-nosync"
        self.words = "Orthanc" if is_durable else "Orthanc, no sync"
        self._lua = lua
        self._archive_port = archive_port
        self._environment = environment

    def missing(self) -> str:
        """Orthanc."""
        return "" if shutil.which("Orthanc") else "Orthanc"

    def _start(self) -> Server:
        self.port = free_port()
        settings = self.folder.with_name(f"{self.folder.name}.json")
        settings.write_text(json.dumps(self._settings(), indent=2), encoding="utf-8")
        server = start(["Orthanc", str(settings)], self._log(), environment=self._environment)
        server.wait_for_port(self.port)
        return server

    def _settings(self) -> dict[str, object]:
        return {
            "Name": "bench",
            "StorageDirectory": str(self.folder),
            "IndexDirectory": str(self._beside("index")),
            "HttpServerEnabled": False,
            "DicomAet": CALLED_AE,
            "DicomPort": self.port,
            "DicomAlwaysAllowStore": True,
            "DicomCheckCalledAet": False,
            "MaximumPduLength": PDU_BYTES,
            "OverwriteInstances": True,
            "SyncStorageArea": self.is_durable,
            "Plugins": [],
            "LuaScripts": [str(self._script())] if self._lua else [],
            "DicomModalities": self._modalities(),
        }

    def _modalities(self) -> dict[str, object]:
        return {"archive": ["ARCHIVE", "127.0.0.1", self._archive_port]} if self._archive_port else {}

    def _script(self) -> Path:
        script = self.folder.with_name(f"{self.folder.name}.lua")
        script.write_text(self._lua, encoding="utf-8")
        return script

    def _beside(self, name: str) -> Path:
        folder = self.folder.with_name(f"{self.folder.name}-{name}")
        folder.mkdir()
        return folder
