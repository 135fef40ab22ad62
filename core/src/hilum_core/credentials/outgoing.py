"""A peer of the config as the node that is called, with what we prove ourselves with."""

from __future__ import annotations

from hilum_core.config import Login, PeerSettings, RouterTls
from hilum_core.credentials.contexts import CredentialError, client_tls
from hilum_core.dicom.calls import RemoteNode
from hilum_core.dicom.negotiation import USERNAME, USERNAME_AND_PASSCODE, UserIdentity


def remote_node(name: str, peer: PeerSettings, router_tls: RouterTls | None) -> RemoteNode:
    """Get ready to call a peer. Certificates and passcodes are read anew each time: they may be renewed.

    Raises
    ------
    ConfigError
        The peer cannot be called: it has no host or port, or a file or variable is not there.
    """
    if peer.host is None or peer.port is None:
        missing = "host" if peer.host is None else "port"
        raise CredentialError(f"peers.{name}: has no {missing}, so it cannot be called; add {missing}")
    details = peer.tls_details
    return RemoteNode(
        host=peer.host,
        port=peer.port,
        ae_title=peer.ae_title,
        tls=client_tls(name, peer.host, details, router_tls) if details else None,
        user=_identity(peer.login) if peer.login else None,
    )


def _identity(login: Login) -> UserIdentity:
    passcode = login.passcode.reveal() if login.passcode else None
    return UserIdentity(
        type=USERNAME if passcode is None else USERNAME_AND_PASSCODE,
        wants_response=False,
        primary=login.user.encode(),
        secondary=(passcode or "").encode(),
    )
