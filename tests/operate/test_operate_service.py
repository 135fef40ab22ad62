"""A service manager is told when callers are taken, and when the router stops."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from hilum_core.supervisor.notifying import READY, STOPPING, VARIABLE, notify
from hilum_core.testing import running_router


@pytest.fixture
def manager(monkeypatch):
    """The socket of a service manager, in a folder whose path is short enough for one."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening,
    ):
        address = str(Path(folder) / "notify")
        listening.bind(address)
        listening.settimeout(60)
        monkeypatch.setenv(VARIABLE, address)
        yield listening


def test_the_service_manager_is_told_when_callers_are_taken_and_when_it_stops(manager, tmp_path):
    with running_router(tmp_path, "") as router:
        assert manager.recv(100).decode() == READY
        with socket.create_connection(("127.0.0.1", router.port), timeout=60):
            pass
        assert router.stop() == 0
        assert manager.recv(100).decode() == STOPPING


def test_an_address_of_the_abstract_namespace_is_understood(monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # the system chooses a name
        listening.settimeout(60)
        monkeypatch.setenv(VARIABLE, listening.getsockname().decode().replace("\0", "@", 1))
        notify(READY)
        assert listening.recv(100).decode() == READY


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
def test_without_one_nothing_happens(monkeypatch, address):
    monkeypatch.setenv(VARIABLE, address)
    notify(READY)
