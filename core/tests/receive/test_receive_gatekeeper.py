"""Who may open an association."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum_core.config import PeerSettings, RouterSettings
from hilum_core.dicom.acceptor import (
    CALLED_AE_NOT_RECOGNISED,
    CALLING_AE_NOT_RECOGNISED,
    LIMIT_EXCEEDED,
    Admission,
)
from hilum_core.receive.gatekeeper import PeerGatekeeper

ROUTER = RouterSettings(ae_title="HILUM", also_called=("OLD",), state_dir=Path("/nowhere"))
PEERS = {
    "ct1": PeerSettings(ae_title="CT1", host="10.1.20.5", may_send=True),
    "ct2": PeerSettings(ae_title="CT1", host="10.1.20.6", may_send=True),
    "v6": PeerSettings(ae_title="V6", host="fd00::5", may_send=True),
    "named": PeerSettings(ae_title="NAMED", host="ct9.example.org", may_send=True),
    "nat": PeerSettings(ae_title="NAT", host="10.9.9.9", check_address=False, may_send=True),
    "pacs": PeerSettings(ae_title="PACS", host="10.1.1.10", port=104),
    "none": PeerSettings(ae_title="NONE", may_echo=False),
}


def ask(calling_ae, address="10.1.20.5", called_ae="HILUM", *, full=False):
    gatekeeper = PeerGatekeeper(ROUTER, PEERS, out_of_space=lambda: full)
    return gatekeeper.admit(called_ae=called_ae, calling_ae=calling_ae, address=address)


@pytest.mark.parametrize(
    ("calling_ae", "address", "peer"),
    [
        ("CT1", "10.1.20.5", "ct1"),
        ("CT1 ", "10.1.20.5", "ct1"),
        ("CT1", "10.1.20.6", "ct2"),
        ("CT1", "::ffff:10.1.20.6", "ct2"),
        ("V6", "fd00:0::5", "v6"),
        ("NAMED", "10.77.7.7", "named"),
        ("NAT", "192.168.3.3", "nat"),
    ],
)
def test_a_peer_is_known_by_ae_title_and_address(calling_ae, address, peer):
    admission = ask(calling_ae, address)
    assert isinstance(admission, Admission)
    assert (admission.peer, admission.may_store, admission.may_echo) == (peer, True, True)


@pytest.mark.parametrize("calling_ae", ["CT3", "ct1", "", "NONE"])
def test_who_is_not_in_the_inventory_or_may_do_nothing_is_not_recognised(calling_ae):
    assert ask(calling_ae) == CALLING_AE_NOT_RECOGNISED


def test_a_known_title_from_another_address_is_not_recognised():
    assert ask("CT1", "10.1.20.7") == CALLING_AE_NOT_RECOGNISED


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
