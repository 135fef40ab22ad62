"""Who may open an association."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from hilum_core.config import PeerSettings, PeerTls, RouterSettings
from hilum_core.config.security import Fingerprint, Network
from hilum_core.dicom.acceptor import (
    CALLED_AE_NOT_RECOGNISED,
    CALLING_AE_NOT_RECOGNISED,
    LIMIT_EXCEEDED,
    Admission,
    Rejection,
)
from hilum_core.dicom.peer_certificate import PeerCertificate
from hilum_core.dicom.reception import CallerTls
from hilum_core.receive.gatekeeper import PeerGatekeeper

ROUTER = RouterSettings(ae_title="HILUM", also_called=("OLD",), state_dir=Path("/nowhere"))
PEERS = {
    "ct1": PeerSettings(ae_title="CT1", host="10.1.20.5", may_send=True),
    "ct2": PeerSettings(ae_title="CT1", host="10.1.20.6", may_send=True),
    "v6": PeerSettings(ae_title="V6", host="fd00::5", may_send=True),
    "named": PeerSettings(ae_title="NAMED", host="ct9.example.org", may_send=True),
    "nat": PeerSettings(ae_title="NAT", host="10.9.9.9", check_address=False, may_send=True),
    "group": PeerSettings(ae_title="CR", from_addresses=(Network("10.2.0.0/16"), Network("fd00:2::/64"))),
    "room7": PeerSettings(ae_title="CR", from_addresses=(Network("10.2.7.0/24"),)),
    "one": PeerSettings(ae_title="CR", host="10.2.7.7"),
    "mapped": PeerSettings(
        ae_title="MAPPED", from_addresses=(Network.from_config("::ffff:10.3.0.0/112"),), may_send=True
    ),
    "mapped_host": PeerSettings(ae_title="MAPPED", host="::ffff:10.3.7.7", may_send=True),
    "link": PeerSettings(ae_title="LINK", from_addresses=(Network("fe80::/64"),), may_send=True),
    "travelling": PeerSettings(ae_title="CR", host="cart.example.org"),
    "tls": PeerSettings(ae_title="TLS", tls=True),
    "named_tls": PeerSettings(ae_title="NAMED_TLS", tls=PeerTls(subject="CN=ct1,O=Clinic")),
    "pinned": PeerSettings(ae_title="PINNED", tls=PeerTls(fingerprints=(Fingerprint("ab" * 32),))),
    "pacs": PeerSettings(ae_title="PACS", host="10.1.1.10", port=104),
    "none": PeerSettings(ae_title="NONE", may_echo=False),
}


def ask(calling_ae, address="10.1.20.5", called_ae="HILUM", *, full=False, tls=None):
    gatekeeper = PeerGatekeeper(ROUTER, PEERS, out_of_space=lambda: full)
    return gatekeeper.admit(called_ae=called_ae, calling_ae=calling_ae, address=address, tls=tls)


def is_not_recognised(decision, why):
    """Whether the caller hears no more than the standard has, and the operator why."""
    assert isinstance(decision, Rejection)
    assert why in decision.text
    return attrs.evolve(decision, text=CALLING_AE_NOT_RECOGNISED.text) == CALLING_AE_NOT_RECOGNISED


@pytest.mark.parametrize(
    ("calling_ae", "address", "peer"),
    [
        ("CT1", "10.1.20.5", "ct1"),
        ("CT1 ", "10.1.20.5", "ct1"),
        ("CT1", "10.1.20.6", "ct2"),
        ("CT1", "::ffff:10.1.20.6", "ct2"),
        ("V6", "fd00:0::5", "v6"),
        ("NAMED", "10.77.7.7", "named"),
        ("MAPPED", "10.3.9.9", "mapped"),
        ("MAPPED", "::ffff:10.3.9.9", "mapped"),
        ("MAPPED", "10.3.7.7", "mapped_host"),
        ("LINK", "fe80::7%eth0", "link"),
        ("NAT", "192.168.3.3", "nat"),
    ],
)
def test_a_peer_is_known_by_ae_title_and_address(calling_ae, address, peer):
    admission = ask(calling_ae, address)
    assert isinstance(admission, Admission)
    assert (admission.peer, admission.may_store, admission.may_echo) == (peer, True, True)


@pytest.mark.parametrize(
    ("calling_ae", "why"),
    [
        ("CT3", "no peer has it"),
        ("ct1", "no peer has it"),
        ("", "no peer has it"),
        ("NONE", "peers.none may neither send nor echo"),
    ],
)
def test_who_is_not_in_the_inventory_or_may_do_nothing_is_not_recognised(calling_ae, why):
    assert is_not_recognised(ask(calling_ae), why)


def test_a_known_title_from_another_address_is_not_recognised():
    assert is_not_recognised(ask("CT1", "10.1.20.7"), "peers.ct1, peers.ct2 may not call from this address")


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("10.2.99.1", "group"),
        ("fd00:2::1234", "group"),
        ("::ffff:10.2.99.1", "group"),
        ("10.2.7.1", "room7"),
        ("10.2.7.7", "one"),
        ("192.168.1.1", "travelling"),
    ],
)
def test_of_several_peers_of_a_title_the_narrowest_network_is_the_callers(address, peer):
    assert ask("CR", address).peer == peer


def certificate(subject="CN=ct1,O=Clinic", fingerprint="ab" * 32):
    return CallerTls(certificate=PeerCertificate(subject=subject, fingerprint=fingerprint))


@pytest.mark.parametrize(
    ("calling_ae", "tls"),
    [
        ("TLS", CallerTls(certificate=None)),
        ("TLS", certificate("CN=anybody")),
        ("NAMED_TLS", certificate()),
        ("PINNED", certificate("CN=renamed")),
    ],
)
def test_a_peer_of_tls_comes_in_with_what_its_entry_wants(calling_ae, tls):
    assert isinstance(ask(calling_ae, tls=tls), Admission)


@pytest.mark.parametrize(
    ("calling_ae", "tls", "why"),
    [
        ("TLS", None, "peers.tls must call by TLS"),
        ("NAMED_TLS", CallerTls(certificate=None), "must present a certificate"),
        ("NAMED_TLS", certificate("CN=ct1"), "not one of CN=ct1"),
        ("NAMED_TLS", certificate("CN=ct1,O=Clinic,C=DE"), "not one of CN=ct1,O=Clinic,C=DE"),
        ("PINNED", certificate(fingerprint="ac" * 32), f"not the one with fingerprint {'ac' * 32}"),
    ],
)
def test_a_peer_of_tls_is_kept_out_without_it_or_with_the_certificate_of_another(calling_ae, tls, why):
    assert is_not_recognised(ask(calling_ae, tls=tls), why)


def test_a_peer_without_tls_may_call_by_tls_all_the_same():
    assert ask("CT1", tls=certificate()).peer == "ct1"


def test_the_called_title_must_be_ours():
    assert ask("CT1", called_ae="ANY-SCP") == CALLED_AE_NOT_RECOGNISED
    assert isinstance(ask("CT1", called_ae=" HILUM "), Admission)
    assert isinstance(ask("CT1", called_ae="OLD"), Admission)


def test_a_peer_that_may_not_send_may_still_verify():
    admission = ask("PACS", "10.1.1.10", full=True)
    assert isinstance(admission, Admission)
    assert (admission.may_store, admission.may_echo) == (False, True)


def test_a_full_disk_refuses_senders_for_now():
    assert ask("CT1", full=True) == LIMIT_EXCEEDED
