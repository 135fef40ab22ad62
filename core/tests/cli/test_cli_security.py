"""`hilum check` of certificates, secrets and callers, and `hilum passcode`."""

from __future__ import annotations

import shutil

import pytest

from hilum_core.credentials import PasscodeCheck, PasscodeHash
from hilum_core.testing import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    return Authority.found(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def with_certificate(authority, write_config):
    """A config whose router has a certificate that is valid for so many days."""

    def write(days):
        tls = authority.issue("router", days=days).table(authority.certificate)
        return write_config(
            f'[router]\nstate_dir = "/tmp/x"\nlisten_tls = "127.0.0.1:2762"\n[router.tls]\n{tls}'
            '[peers.a]\nae_title = "A"\nmay_send = true\n'
            '[sinks.f]\ntype = "folder"\npath = "/tmp"\n[[routes]]\nname = "all"\nsinks = ["f"]\n'
        )

    return write


def test_a_certificate_with_time_left_is_not_worth_a_word(hilum, with_certificate):
    shown = hilum("check", "--config", with_certificate(60))
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert "worth a look" not in shown.stdout


def test_a_certificate_that_expires_within_thirty_days_is_worth_a_look(hilum, with_certificate):
    shown = hilum("check", "--config", with_certificate(20))
    assert shown.exit_code == 0
    assert "worth a look" in shown.stdout
    assert "router.tls.certificate: a certificate in" in shown.stdout
    assert "in 19 days; renew it" in shown.stdout


def test_a_certificate_that_has_expired_is_a_fault(hilum, with_certificate):
    shown = hilum("check", "--config", with_certificate(-1))
    assert shown.exit_code == 78
    assert "has expired on" in shown.stderr


def test_a_file_that_is_not_there_is_a_fault(hilum, with_certificate, authority):
    config = with_certificate(60)
    (authority.folder / "router.key").unlink()
    shown = hilum("check", "--config", config)
    assert shown.exit_code == 78
    assert "router.tls.key: " in shown.stderr
    assert "cannot be read (No such file or directory)" in shown.stderr


PEERS = """
[router]
state_dir = "/tmp/x"
[router.tls]
certificate = "CERTIFICATE"
key = "KEY"
ca = "CA"
[peers.group]
ae_title = "CR"
from_addresses = ["10.2.0.0/16"]
user = "cr"
[peers.room]
ae_title = "CR"
host = "10.2.7.7"
tls = { subject = "CN=cr7", fingerprints = ["FINGERPRINT"] }
[peers.cart]
ae_title = "CART"
host = "cart.example.org"
may_echo = false
"""


@pytest.mark.parametrize(
    ("caller", "words"),
    [
        ("CR@10.2.1.1", "is peers.group, which calls from 10.2.0.0/16; may echo, must give its user"),
        (
            "CR@10.2.7.7",
            "is peers.room, which calls from 10.2.7.7/32; may echo, must call by TLS, ",
        ),
        ("CR@10.3.1.1", "is rejected; peers.group calls from 10.2.0.0/16; peers.room calls from 10.2.7.7/32"),
        ("CART@10.3.1.1", "is peers.cart, which calls from anywhere; may do nothing, and is rejected"),
        ("MR@10.3.1.1", "is rejected; no peer has this AE title"),
    ],
)
def test_check_says_by_which_peer_a_caller_comes_in(hilum, write_config, authority, caller, words):
    identity = authority.issue("caller")
    text = PEERS.replace("CERTIFICATE", str(identity.certificate)).replace("KEY", str(identity.key))
    text = text.replace('"CA"', f'"{authority.certificate}"').replace("FINGERPRINT", "ab" * 32)
    shown = hilum("check", "--config", write_config(text), "--caller", caller)
    assert shown.exit_code == 0, shown.stderr
    assert f"{caller}: {words}" in shown.stdout


@pytest.mark.parametrize("caller", ["CR", "CR@", "CR@host", "10.1.1.1"])
def test_a_caller_is_written_with_its_address(hilum, write_config, caller):
    config = write_config('[router]\nstate_dir = "/tmp/x"\n')
    shown = hilum("check", "--config", config, "--caller", caller)
    assert shown.exit_code == 2
    assert "expected AE@ADDRESS" in shown.stderr


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("tls = true", "peers.a.tls: nobody is trusted; give a ca here, or [router.tls]"),
        ('tls = { ca = "x" }\nmay_send = true', "peers.a.tls: it has nowhere to call by TLS"),
        ('tls = { certificate = "x", ca = "y" }', "peers.a.tls.certificate: needs a key beside it"),
        ('tls = { fingerprints = ["12:34"] }', "expected the SHA-256 fingerprint of a certificate"),
        ('from_addresses = ["10.1.20.1/24"]', "has bits beyond its prefix; write '10.1.20.0/24'"),
        ('from_addresses = ["ct1"]', "expected an IP address or network"),
        ('from_addresses = ["10.1.1.1"]\ncheck_address = false', "check_address = false has nothing checked"),
        ('passcode_hash = { env = "X" }', "peers.a.passcode_hash: belongs to a user"),
        ('user = ""', "peers.a.user: must not be empty"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_a_fault(hilum, write_config, table, words):
    shown = hilum(
        "check",
        "--config",
        write_config(f'[router]\nstate_dir = "/tmp/x"\n[peers.a]\nae_title = "A"\n{table}\n'),
    )
    assert shown.exit_code == 78
    assert words in shown.stderr


def test_a_secret_in_place_of_its_reference_is_refused_and_not_quoted(hilum, write_config):
    peers = (
        '[peers.a]\nae_title = "A"\nuser = "u"\npasscode_hash = "geheim"\n'
        'login = { user = "x", passcode = "geheim" }\n'
    )
    shown = hilum("check", "--config", write_config(f'[router]\nstate_dir = "/tmp/x"\n{peers}'))
    assert shown.exit_code == 78
    assert shown.stderr.count("expected a secret by reference") == 2
    assert "geheim" not in shown.stderr + shown.stdout


def test_a_key_in_place_of_its_path_is_refused_and_not_quoted(hilum, write_config):
    key = '"""-----BEGIN PRIVATE KEY-----\nZ2VoZWlt\n-----END PRIVATE KEY-----"""'
    tables = (
        f'[router]\nstate_dir = "/tmp/x"\n[router.tls]\ncertificate = "c"\nca = "c"\nkey = {key}\n'
        f'[peers.a]\nae_title = "A"\n[peers.a.tls]\ncertificate = "c"\nca = "c"\nkey = {key}\n'
    )
    shown = hilum("check", "--config", write_config(tables))
    assert shown.exit_code == 78
    assert shown.stderr.count(".key: is what should stand in a file") == 2
    assert "Z2VoZWlt" not in shown.stderr + shown.stdout


def test_the_hash_of_a_passcode_is_one_that_the_router_takes():
    from click.testing import CliRunner

    from hilum_core.cli.group import cli

    shown = CliRunner().invoke(cli, ["passcode"], input="très secret\n")
    assert shown.exit_code == 0
    hashed = PasscodeHash.parse(shown.stdout)
    assert PasscodeCheck().is_right("x", "très secret".encode(), hashed)
    assert "secret" not in shown.output
    assert CliRunner().invoke(cli, ["passcode"], input="\n").exit_code == 1
