"""TLS contexts from the settings, and what is said of files that do not serve."""

from __future__ import annotations

import os
import shutil
import ssl
from pathlib import Path

import attrs
import pytest

from hilum_core.config import Login, PeerSettings, PeerTls, RouterTls
from hilum_core.credentials import (
    CredentialError,
    ServerTls,
    client_tls,
    remote_node,
    renewal,
    server_context,
)
from hilum_sdk import ConfigError
from hilum_sdk.config import Secret


@pytest.fixture
def settings(authority):
    identity = authority.issue("router")
    return RouterTls(certificate=identity.certificate, key=identity.key, ca=authority.certificate)


def complaint(make):
    with pytest.raises(ConfigError) as caught:
        make()
    return caught.value.message


def test_a_server_asks_for_certificates_and_takes_nothing_older_than_tls_1_2(settings):
    context = server_context(settings)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    optional = server_context(attrs.evolve(settings, require_certificate=False))
    assert optional.verify_mode is ssl.CERT_OPTIONAL
    retired = server_context(attrs.evolve(settings, profile="extended-bcp195"))
    assert retired.maximum_version is ssl.TLSVersion.TLSv1_2


def test_an_encrypted_key_is_opened_by_its_passcode_and_by_no_other(settings, authority, tmp_path):
    identity = authority.issue("locked", passcode="geheim")
    locked = attrs.evolve(settings, certificate=identity.certificate, key=identity.key)
    secret = tmp_path / "passcode"
    secret.write_text("geheim\n")
    assert server_context(attrs.evolve(locked, key_passcode=Secret(file=secret)))
    assert "is encrypted; give key_passcode" in complaint(lambda: server_context(locked))
    secret.write_text("verraten\n")
    said = complaint(lambda: server_context(attrs.evolve(locked, key_passcode=Secret(file=secret))))
    assert "its key_passcode is not the right one" in said
    assert "verraten" not in said


def test_every_file_that_does_not_serve_is_named_with_its_setting(settings, authority, tmp_path):
    nothing = tmp_path / "nothing"
    nothing.write_text("nothing\n")
    other = authority.issue("other")
    cases = [
        ({"ca": Path("/nowhere")}, "router.tls.ca: /nowhere cannot be read (No such file or directory)"),
        ({"ca": nothing}, f"router.tls.ca: {nothing} holds no certificate as PEM"),
        ({"certificate": Path("/nowhere")}, "router.tls.certificate: /nowhere cannot be read"),
        ({"key": Path("/nowhere")}, "router.tls.key: /nowhere cannot be read"),
        ({"key": other.key}, f"router.tls.key: {other.key} is not the key of {settings.certificate}"),
        ({"certificate": nothing}, f"{nothing} and {settings.key} are not a certificate and its key"),
    ]
    for change, words in cases:
        assert words in complaint(lambda change=change: server_context(attrs.evolve(settings, **change)))


def test_a_key_that_is_too_short_is_refused(settings, authority):
    weak = authority.issue("weak", rsa_bits=1024)
    said = complaint(
        lambda: server_context(attrs.evolve(settings, certificate=weak.certificate, key=weak.key))
    )
    assert "is too weak for the profile" in said


def test_a_peer_is_called_by_its_own_settings_and_else_by_the_routers(settings, authority):
    other = authority.issue("client")
    own = PeerTls(
        ca=authority.certificate, certificate=other.certificate, key=other.key, server_name="pacs.example"
    )
    assert client_tls("pacs", "10.1.1.1", own, None).server_name == "pacs.example"
    inherited = client_tls("pacs", "10.1.1.1", PeerTls(), settings)
    assert inherited.server_name == "10.1.1.1"
    assert inherited.context.check_hostname
    assert not client_tls("pacs", "x", PeerTls(check_name=False), settings).context.check_hostname
    broken = PeerTls(certificate=Path("/nowhere"), key=other.key)
    assert "peers.pacs.tls.certificate: /nowhere" in complaint(
        lambda: client_tls("pacs", "x", broken, settings)
    )


def test_a_node_is_called_with_its_user_and_shows_no_passcode(monkeypatch):
    monkeypatch.setenv("HILUM_TEST_PASSCODE", "geheim")
    login = Login(user="HILUM", passcode=Secret(env="HILUM_TEST_PASSCODE"))
    peer = PeerSettings(ae_title="PACS", host="10.1.1.1", port=104, login=login)
    node = remote_node("pacs", peer, None)
    assert (node.user.type, node.user.primary, node.user.secondary) == (2, b"HILUM", b"geheim")
    assert "geheim" not in repr(node)
    bare = remote_node("pacs", attrs.evolve(peer, login=Login(user="HILUM")), None)
    assert (bare.user.type, bare.user.secondary) == (1, b"")
    monkeypatch.delenv("HILUM_TEST_PASSCODE")
    with pytest.raises(ConfigError, match="HILUM_TEST_PASSCODE"):
        remote_node("pacs", peer, None)
    with pytest.raises(CredentialError, match=r"peers\.pacs: has no port, so it cannot be called"):
        remote_node("pacs", attrs.evolve(peer, port=None), None)


def replace(path, by):
    """As a renewal does it: the new file is complete when it gets its name."""
    beside = path.with_suffix(".new")
    shutil.copy(by, beside)
    beside.replace(path)


def copies(settings, folder):
    """The certificate of the router and its key, as files of the test's own."""
    certificate, key = folder / "router.pem", folder / "router.key"
    shutil.copy(settings.certificate, certificate)
    shutil.copy(settings.key, key)
    return certificate, key


def test_renewed_certificates_are_taken_when_both_files_are_there(settings, authority, tmp_path):
    certificate, key = copies(settings, tmp_path)
    troubles, renewals = [], []
    tls = ServerTls(
        attrs.evolve(settings, certificate=certificate, key=key),
        on_trouble=troubles.append,
        on_renewal=lambda: renewals.append(1),
    )
    first = tls()
    assert tls() is first
    renewed = authority.issue("renewed")
    replace(certificate, renewed.certificate)
    assert tls() is first  # the key is still the old one's
    assert tls() is first
    assert len(troubles) == 1
    assert "is not the key of" in troubles[0]
    replace(key, renewed.key)
    assert tls() is not first
    assert (len(troubles), len(renewals)) == (1, 1)


def test_files_that_never_served_give_no_context_until_they_do(settings, tmp_path):
    certificate = tmp_path / "router.pem"
    troubles = []
    tls = ServerTls(
        attrs.evolve(settings, certificate=certificate),
        on_trouble=troubles.append,
        on_renewal=lambda: None,
    )
    assert tls() is None
    assert tls() is None
    assert len(troubles) == 1
    shutil.copy(settings.certificate, certificate)
    assert tls() is not None


class Removing:
    """A passcode whose reading takes so long that somebody removes the key meanwhile."""

    file = None

    def __init__(self, key):
        self.key = key

    def reveal(self):
        self.key.unlink()
        return ""


def test_a_key_that_goes_while_it_is_read_keeps_the_context_before(settings, tmp_path):
    certificate, key = copies(settings, tmp_path)
    settings = attrs.evolve(settings, certificate=certificate, key=key)
    troubles = []
    tls = ServerTls(settings, on_trouble=troubles.append, on_renewal=lambda: None)
    first = tls()
    tls._tls = attrs.evolve(settings, key_passcode=Removing(key))
    key.touch()
    assert tls() is first
    (trouble,) = troubles
    assert "cannot be read (No such file or directory)" in trouble


def test_a_passcode_that_no_key_can_have_is_told_like_a_wrong_one(settings, authority, tmp_path):
    identity, passcode = authority.issue("locked", passcode="geheim"), tmp_path / "passcode"
    passcode.write_text("geheim" * 200)
    locked = attrs.evolve(
        settings, certificate=identity.certificate, key=identity.key, key_passcode=Secret(file=passcode)
    )
    said = complaint(lambda: server_context(locked))
    assert said.startswith("router.tls.key_passcode: ")
    assert "geheim" not in said


def test_a_file_written_over_with_its_old_date_is_noticed(settings, tmp_path):
    certificate, key = copies(settings, tmp_path)
    right, before = key.read_bytes(), key.stat()
    key.write_bytes(b"#" * len(right))
    os.utime(key, ns=(before.st_atime_ns, before.st_mtime_ns))
    tls = ServerTls(
        attrs.evolve(settings, certificate=certificate, key=key),
        on_trouble=lambda _: None,
        on_renewal=lambda: None,
    )
    assert tls() is None
    key.write_bytes(right)
    os.utime(key, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert tls() is not None


def test_what_could_not_be_read_is_tried_again_though_no_file_has_changed(settings, monkeypatch):
    now, troubles = 0.0, []
    tls = ServerTls(settings, on_trouble=troubles.append, on_renewal=lambda: None, clock=lambda: now)
    with monkeypatch.context() as exhausted:

        def no_descriptor(_settings):
            raise CredentialError("no file descriptor is left")

        exhausted.setattr(renewal, "server_context", no_descriptor)
        assert tls() is None
        now = 11.0
        assert tls() is None
    assert tls() is None  # not at every caller
    now = 22.0
    assert tls() is not None
    assert troubles == ["no file descriptor is left"]
