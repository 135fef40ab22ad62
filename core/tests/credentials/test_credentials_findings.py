"""What is found wrong with the certificates, keys and secrets of a config, and what soon will be."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hilum_core.config import Login, PeerSettings, PeerTls, RouterSettings, RouterTls
from hilum_core.credentials import look_at_credentials, secret_files
from hilum_core.credentials.validity import certificates_in, validity_of
from hilum_sdk.config import Secret


@pytest.fixture
def router(authority):
    identity = authority.issue("router", days=100)
    tls = RouterTls(certificate=identity.certificate, key=identity.key, ca=authority.certificate)
    return RouterSettings(state_dir=Path("/nowhere"), tls=tls)


def look(router, peers=None, *, later=timedelta(0)):
    found = look_at_credentials(router, peers or {}, now=datetime.now(UTC) + later)
    return [str(fault) for fault in found.faults], [str(note) for note in found.notes]


def test_the_validity_of_a_certificate_is_that_which_openssl_reads(authority):
    identity = authority.issue("dated", days=77)
    read = certificates_in(identity.certificate)[0]
    pem = identity.certificate.read_text()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.certificate)
    ca = context.get_ca_certs()[0]
    assert read.ends_at - read.begins_at == timedelta(days=77)
    ours = certificates_in(authority.certificate)[0]
    assert ours.ends_at.timestamp() == ssl.cert_time_to_seconds(ca["notAfter"])
    assert ours.begins_at.timestamp() == ssl.cert_time_to_seconds(ca["notBefore"])
    assert validity_of(ssl.PEM_cert_to_DER_cert(pem)) == read


def test_a_year_of_four_digits_is_read_too(authority):
    identity = authority.issue("long", days=40_000)  # past 2049 the time has another form (RFC 5280 4.1.2.5)
    assert certificates_in(identity.certificate)[0].ends_at.year > 2100


@given(st.binary(max_size=200))
@example(b"\x30\x84\xff\xff\xff\xff")
@example(b"\x30\x02\x30\x00")
def test_what_is_no_certificate_is_said_to_be_none(garbage):
    with pytest.raises(ValueError):
        validity_of(garbage)


def test_good_files_give_nothing_to_say(router):
    assert look(router) == ([], [])


def test_a_certificate_is_warned_of_thirty_days_ahead_and_a_fault_when_it_has_expired(router):
    assert look(router, later=timedelta(days=69)) == ([], [])
    faults, notes = look(router, later=timedelta(days=71))
    assert not faults
    assert notes[0].startswith(
        f"router.tls.certificate: a certificate in {router.tls.certificate} expires on"
    )
    assert "in 28 days; renew it" in notes[0]
    faults, notes = look(router, later=timedelta(days=99, hours=12))
    assert "in less than a day" in notes[0]
    faults, notes = look(router, later=timedelta(days=101))
    assert "has expired on" in faults[0]
    assert not notes


def test_a_certificate_that_is_not_valid_yet_is_a_fault(router):
    faults, _ = look(router, later=timedelta(days=-3))
    assert any("is valid from" in fault for fault in faults)


def test_the_files_of_peers_are_looked_at_as_well(router, authority):
    soon = authority.issue("soon", days=5)
    peers = {
        "pacs": PeerSettings(ae_title="PACS", tls=PeerTls(certificate=soon.certificate, key=soon.key)),
        "far": PeerSettings(ae_title="FAR", tls=PeerTls(ca=Path("/nowhere"))),
        "portal": PeerSettings(ae_title="P", user="p", passcode_hash=Secret(env="HILUM_TEST_NO_SUCH")),
        "ris": PeerSettings(ae_title="R", login=Login(user="p", passcode=Secret(file=Path("/nowhere")))),
    }
    faults, notes = look(router, peers)
    advice = "make it a file that the router may read"
    assert faults == [
        f"peers.far.tls.ca: /nowhere cannot be read (No such file or directory); {advice}",
        "peers.portal.passcode_hash: the environment has no variable HILUM_TEST_NO_SUCH; set it",
        "peers.ris.login.passcode: the secret in /nowhere cannot be read: No such file or directory",
    ]
    assert [note.partition(":")[0] for note in notes] == ["peers.pacs.tls.certificate"]


def test_keys_and_secrets_that_others_can_read_are_named(router, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("scrypt")
    peers = {"ris": PeerSettings(ae_title="R", login=Login(user="p", passcode=Secret(file=secret)))}
    for mode, is_open in ((0o600, False), (0o640, False), (0o644, True), (0o660, True), (0o602, True)):
        secret.chmod(mode)
        _, notes = look(router, peers)
        place = "peers.ris.login.passcode"
        note = f"{place}: {secret} is open to others (mode {mode:04o}); chmod 0600, or 0640 for a group"
        assert notes == ([note] if is_open else [])
    router.tls.key.chmod(0o644)
    _, notes = look(router)
    assert notes[0].startswith(f"router.tls.key: {router.tls.key} is open to others")
    router.tls.key.chmod(0o600)


def test_secrets_are_found_wherever_a_component_keeps_them():
    settings = {"accounts": [{"token": Secret(file=Path("/a"))}], "password": Secret(env="B")}
    assert list(secret_files("sinks.s3", settings)) == [("sinks.s3.accounts[0].token", Path("/a"))]
