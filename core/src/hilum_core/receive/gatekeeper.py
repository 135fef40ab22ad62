"""Who may open an association, decided by AE titles and address alone."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

from hilum_core.config import PeerSettings, RouterSettings
from hilum_core.dicom.acceptor import (
    CALLED_AE_NOT_RECOGNISED,
    CALLING_AE_NOT_RECOGNISED,
    LIMIT_EXCEEDED,
    Admission,
    Rejection,
)


class PeerGatekeeper:
    """Implements `Gatekeeper` over the inventory of peers.

    A peer whose host is an IP address must call from that address, unless its ``check_address`` is
    off. A host *name* is not checked: reception does not depend on a name server.
    """

    def __init__(
        self,
        router: RouterSettings,
        peers: Mapping[str, PeerSettings],
        *,
        out_of_space: Callable[[], bool],
    ) -> None:
        self._called_aes = {router.ae_title, *router.also_called}
        self._peers = peers
        self._out_of_space = out_of_space

    def admit(self, *, called_ae: str, calling_ae: str, address: str) -> Admission | Rejection:
        """Admit a peer, or say which of the standard's reasons keeps it out (PS3.8 9.3.4)."""
        # PS3.5 6.2: spaces around an AE title are not significant, so compare stripped.
        if called_ae.strip() not in self._called_aes:
            return CALLED_AE_NOT_RECOGNISED
        for name, peer in self._peers.items():
            if peer.ae_title.strip() == calling_ae.strip() and _calls_from(peer, address):
                return self._admission(name, peer)
        return CALLING_AE_NOT_RECOGNISED

    def _admission(self, name: str, peer: PeerSettings) -> Admission | Rejection:
        if not (peer.may_send or peer.may_echo):
            return CALLING_AE_NOT_RECOGNISED
        if peer.may_send and self._out_of_space():
            return LIMIT_EXCEEDED
        return Admission(
            peer=name,
            may_store=peer.may_send,
            may_echo=peer.may_echo,
            transfer_syntaxes=tuple(peer.prefer),
        )


def _calls_from(peer: PeerSettings, address: str) -> bool:
    if not peer.check_address or peer.host is None:
        return True
    try:
        expected = ipaddress.ip_address(peer.host)
    except ValueError:
        return True
    return _plain(ipaddress.ip_address(address)) == _plain(expected)


def _plain(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 caller of a dual-stack socket shows as ::ffff:a.b.c.d."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
