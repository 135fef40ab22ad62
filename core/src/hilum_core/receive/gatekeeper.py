"""Who may open an association: by AE titles, address, and what TLS has proven. The user is asked later."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

import attrs

from hilum_core.config import PeerSettings, RouterSettings
from hilum_core.credentials import PasscodeCheck
from hilum_core.dicom.acceptor import (
    CALLED_AE_NOT_RECOGNISED,
    CALLING_AE_NOT_RECOGNISED,
    LIMIT_EXCEEDED,
    Admission,
    Rejection,
)
from hilum_core.dicom.reception import CallerTls
from hilum_core.receive.identity import UserCheck

_ANYWHERE = -1


class PeerGatekeeper:
    """Implements `Gatekeeper` over the inventory of peers.

    Of the peers that have the caller's AE title, the caller is the one whose address or network is the
    narrowest that holds its address. One that may call from anywhere comes last. A host *name* is not
    checked: reception does not depend on a name server.

    The rejections tell the operator more than the caller: their text says which rule was in the way.
    """

    def __init__(
        self,
        router: RouterSettings,
        peers: Mapping[str, PeerSettings],
        *,
        out_of_space: Callable[[], bool],
    ) -> None:
        self._called_aes = router.called_aes
        self._peers = peers
        self._out_of_space = out_of_space
        self._most_of_a_peer = router.most_associations_of_a_peer
        self._passcodes = PasscodeCheck()

    def admit(
        self, *, called_ae: str, calling_ae: str, address: str, tls: CallerTls | None = None
    ) -> Admission | Rejection:
        """Admit a peer, or say which of the standard's reasons keeps it out (PS3.8 9.3.4)."""
        # PS3.5 6.2: spaces around an AE title are not significant, so compare stripped.
        if called_ae.strip() not in self._called_aes:
            return CALLED_AE_NOT_RECOGNISED
        title = calling_ae.strip()
        namesakes = {name: peer for name, peer in self._peers.items() if peer.ae_title.strip() == title}
        if not namesakes:
            return _unknown("no peer has it")
        name = nearest_peer(namesakes, address)
        if name is None:
            known = ", ".join(f"peers.{name}" for name in namesakes)
            return _unknown(f"{known} may not call from this address")
        peer = namesakes[name]
        if reason := why_not_by_tls(peer, tls):
            return _unknown(f"peers.{name} {reason}")
        if peer.may_call and called_ae.strip() not in peer.may_call:
            text = f"{CALLED_AE_NOT_RECOGNISED.text}: peers.{name} may not call {called_ae.strip()}"
            return attrs.evolve(CALLED_AE_NOT_RECOGNISED, text=text)
        return self._admission(name, peer)

    def _admission(self, name: str, peer: PeerSettings) -> Admission | Rejection:
        if not (peer.may_send or peer.may_echo):
            return _unknown(f"peers.{name} may neither send nor echo")
        if peer.may_send and self._out_of_space():
            return LIMIT_EXCEEDED
        return Admission(
            peer=name,
            may_store=peer.may_send,
            may_echo=peer.may_echo,
            transfer_syntaxes=tuple(peer.prefer),
            most_associations=peer.most_associations or self._most_of_a_peer,
            verify_user=UserCheck(name, peer, self._passcodes) if peer.user is not None else None,
        )


def nearest_peer(peers: Mapping[str, PeerSettings], address: str) -> str | None:
    """The peer that calls from an address: whose network is the narrowest; of equals the first."""
    caller = _plain(ipaddress.ip_address(address))
    best: tuple[int, str] | None = None
    for name, peer in peers.items():
        width = _match(peer, caller)
        if width is not None and (best is None or width > best[0]):
            best = width, name
    return best[1] if best else None


def _match(peer: PeerSettings, caller: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int | None:
    """The length of the prefix by which a peer may call from an address; None if it may not."""
    if not peer.calls_from:
        return _ANYWHERE
    networks = map(ipaddress.ip_network, peer.calls_from)
    return max((network.prefixlen for network in networks if caller in network), default=None)


def why_not_by_tls(peer: PeerSettings, tls: CallerTls | None) -> str:
    """What is missing of the TLS that a peer must call by, in words; empty if nothing is."""
    details = peer.tls_details
    if details is None:
        return ""
    if tls is None:
        return "must call by TLS"
    subject, fingerprints = details.subject, details.fingerprints
    shown = tls.certificate
    if shown is None:
        return "must present a certificate" if subject or fingerprints else ""
    if subject is not None and shown.subject != subject:
        return f"must present a certificate of its own, not one of {shown.subject}"
    if fingerprints and shown.fingerprint not in fingerprints:
        return f"must present its own certificate, not the one with fingerprint {shown.fingerprint}"
    return ""


def _unknown(text: str) -> Rejection:
    return attrs.evolve(CALLING_AE_NOT_RECOGNISED, text=f"{CALLING_AE_NOT_RECOGNISED.text}: {text}")


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 caller of a dual-stack socket shows as ::ffff:a.b.c.d."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
