"""Where the demo plays: its folders, its ports, its config, and what its routes have to do.

The expectations stand here, beside the config that they belong to: the report compares them with what
is found, so that an object that the router forgot is missing and not merely absent.
"""

from __future__ import annotations

import socket
from importlib.resources import files
from pathlib import Path
from string import Template

import attrs

from hilum_core.demo.objects import DemoObject
from hilum_core.demo.peers import LOOPBACK

ROUTER_AE = "HILUM"
FOLDER, ARCHIVE, TEACHING = SINKS = ("folder", "archive", "teaching")
EDIT_PUT = {"InstitutionName": "Hilum Demo"}
EDIT_REMOVED = frozenset({"StationName", "OperatorsName"})


@attrs.frozen(kw_only=True)
class Scene:
    """The folders and ports of one demo."""

    folder: Path
    router_port: int
    archive_port: int

    @property
    def state_dir(self) -> Path:
        """What the router keeps."""
        return self.folder / "state"

    @property
    def config_path(self) -> Path:
        """The router's config."""
        return self.folder / "hilum.toml"

    @property
    def log_path(self) -> Path:
        """What the router logs."""
        return self.folder / "router.log"

    def arrivals_at(self, sink: str) -> Path:
        """The folder in which the objects of a sink end: of the archive, the archive's own."""
        return archive_folder(self.folder) if sink == ARCHIVE else self.folder / sink

    def prepare(self) -> None:
        """Make the folders of the sinks, which must be there, and write the config."""
        for sink in (FOLDER, TEACHING):
            self.arrivals_at(sink).mkdir(parents=True, exist_ok=True)
        self.config_path.write_text(self.config_text(), encoding="utf-8")

    def config_text(self) -> str:
        """The router's config, from the template that ships beside this module."""
        template = Template((files(__package__) / "demo.toml").read_text(encoding="utf-8"))
        return template.substitute(
            router_port=self.router_port,
            archive_port=self.archive_port,
            state_dir=self.state_dir,
            folder=self.arrivals_at(FOLDER),
            teaching=self.arrivals_at(TEACHING),
        )


def archive_folder(folder: Path) -> Path:
    """Where the archive keeps what it gets."""
    return folder / ARCHIVE


def expected_sinks(item: DemoObject) -> tuple[str, ...]:
    """The sinks that an object must reach by the config."""
    return SINKS if item.modality in {"CT", "MR"} else (FOLDER, ARCHIVE)


def free_port() -> int:
    """Find a port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
