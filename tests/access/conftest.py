"""Certificates, and one router that listens with TLS and without, for the tests of who may come in."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import attrs
import pytest

from hilum_core.testing import Authority, Identity, running_router


@pytest.fixture(scope="session")
def openssl():
    """Run `openssl` to its end."""
    path = shutil.which("openssl")
    if path is None:
        pytest.skip("needs openssl")

    def run(*arguments, said=""):
        return subprocess.run(
            [path, *map(str, arguments)],
            input=said,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def authority(openssl, tmp_path_factory):
    return Authority.found(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory, authority):
    """A CA that nobody trusts, of the same name."""
    return Authority.found(tmp_path_factory.mktemp("stranger"))


@attrs.frozen
class Proof:
    """What a caller proves itself with: options for DCMTK, a context for Python."""

    identity: Identity
    options: tuple[object, ...]
    context: ssl.SSLContext


@pytest.fixture(scope="session")
def prove(authority):
    """Make the proof of an identity that the authority has issued."""

    def prove(identity):
        context = ssl.create_default_context(cafile=authority.certificate)
        context.load_cert_chain(identity.certificate, identity.key)
        options = ("+tls", identity.key, identity.certificate, "+cf", authority.certificate)
        return Proof(identity, options, context)

    return prove


@pytest.fixture(scope="session")
def ct1(authority, prove):
    return prove(authority.issue("ct1"))


PEERS = """
[peers.ct1]
ae_title = "CT1"
may_send = true
tls      = { subject = "CN=ct1,O=Clinic" }

[peers.plain]
ae_title = "PLAIN"
may_send = true

[peers.far]
ae_title       = "FAR"
may_send       = true
from_addresses = ["10.99.0.0/16"]

[sinks.folder]
type = "folder"
path = "PATH"

[[routes]]
name  = "all"
sinks = ["folder"]
"""


@pytest.fixture(scope="module")
def router(authority, tmp_path_factory):
    """A router that stores in a folder; callers with TLS need a certificate."""
    folder = tmp_path_factory.mktemp("router")
    out = folder / "out"
    out.mkdir()
    tls = authority.issue("router").table(authority.certificate)
    config = f"[router.tls]\n{tls}{PEERS.replace('PATH', str(out))}"
    with running_router(folder, config, listen_tls="127.0.0.1:0") as running:
        yield running
