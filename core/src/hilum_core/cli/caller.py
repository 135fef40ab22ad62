"""What `hilum check --caller` says: who a caller is, and what it must bring to come in."""

from __future__ import annotations

import ipaddress

import click

from hilum_core.config import Config, PeerSettings


def explain_caller(config: Config, text: str) -> str:
    """Say by which entry of the inventory a caller comes in; `text` is ``AE@ADDRESS``."""
    from hilum_core.receive.gatekeeper import nearest_peer  # noqa: PLC0415 - brings the wire

    title, _, address = text.rpartition("@")
    if not title or not _is_address(address):
        raise click.BadParameter(f"expected AE@ADDRESS, got {text!r}", param_hint="--caller")
    namesakes = {name: peer for name, peer in config.peers.items() if peer.ae_title == title.strip()}
    if not namesakes:
        return f"{text}: is rejected; no peer has this AE title"
    name = nearest_peer(namesakes, address)
    if name is None:
        known = "; ".join(f"peers.{name} calls from {_from(peer)}" for name, peer in namesakes.items())
        return f"{text}: is rejected; {known}"
    return f"{text}: is peers.{name}, which calls from {_from(namesakes[name])}; {_terms(namesakes[name])}"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _from(peer: PeerSettings) -> str:
    return ", ".join(peer.calls_from) or "anywhere"


def _terms(peer: PeerSettings) -> str:
    """What it may do, and what it must bring."""
    may = [word for word, is_so in (("send", peer.may_send), ("echo", peer.may_echo)) if is_so]
    terms = [f"may {' and '.join(may)}" if may else "may do nothing, and is rejected"]
    if (tls := peer.tls_details) is not None:
        terms.append("must call by TLS")
        if tls.subject is not None:
            terms.append(f"its certificate must have the subject {tls.subject}")
        if tls.fingerprints:
            terms.append("its certificate must have one of its fingerprints")
    if peer.user is not None:
        terms.append(f"must give its user{'' if peer.passcode_hash is None else ' and passcode'}")
    return ", ".join(terms)
