"""What is wrong, or soon will be, with the certificates, keys and secrets that a config names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import attrs

from hilum_core.config import PeerSettings, PeerTls, RouterSettings, RouterTls
from hilum_core.credentials.contexts import CredentialError, client_tls, server_context
from hilum_core.credentials.passcodes import read_hash
from hilum_core.credentials.secret_files import readable_by_others, secret_files
from hilum_core.credentials.validity import certificates_in
from hilum_sdk import ConfigError
from hilum_sdk.config import ConfigProblem

EXPIRY_WARNING: Final = timedelta(days=30)


@attrs.frozen(kw_only=True)
class Findings:
    """``faults`` keep something from working, ``notes`` are to be seen to. Neither quotes a secret."""

    faults: tuple[ConfigProblem, ...]
    notes: tuple[ConfigProblem, ...]


def look_at_credentials(
    router: RouterSettings, peers: Mapping[str, PeerSettings], *, now: datetime
) -> Findings:
    """Look at every file and variable that the security settings name. Reads, and changes nothing."""
    faults: list[ConfigProblem] = []
    notes: list[ConfigProblem] = []
    if router.tls is not None:
        tls = router.tls
        faults += _broken("router.tls", lambda: server_context(tls))
    for name, peer in peers.items():
        faults += _look_at_peer(name, peer, router)
    for path, file in certificate_files(router, peers):
        found = expiry(path, file, now)
        faults += found.faults
        notes += found.notes
    notes += readable_by_others([*secret_files("router", router), *secret_files("peers", peers)])
    return Findings(faults=tuple(dict.fromkeys(faults)), notes=tuple(dict.fromkeys(notes)))


def _look_at_peer(name: str, peer: PeerSettings, router: RouterSettings) -> Iterator[ConfigProblem]:
    where = f"peers.{name}"
    if (details := peer.tls_details) is not None:
        yield from _broken(f"{where}.tls", lambda: client_tls(name, "", details, router.tls))
    if peer.passcode_hash is not None:
        hashed = peer.passcode_hash
        yield from _broken(f"{where}.passcode_hash", lambda: read_hash(hashed, f"{where}.passcode_hash"))
    if peer.login is not None and peer.login.passcode is not None:
        yield from _broken(f"{where}.login.passcode", peer.login.passcode.reveal)


def _broken(where: str, use: Callable[[], object]) -> Iterator[ConfigProblem]:
    """Say why something cannot be used, if so; a message that begins with a place of its own keeps it."""
    try:
        use()
    except CredentialError as error:
        place, _, text = error.message.partition(": ")
        yield ConfigProblem(place, text)
    except ConfigError as error:
        yield ConfigProblem(where, error.message)


# ---- how long certificates are valid


def certificate_files(
    router: RouterSettings, peers: Mapping[str, PeerSettings]
) -> Iterator[tuple[str, Path]]:
    """The files with certificates, and where the config names them."""
    tables: list[tuple[str, RouterTls | PeerTls | None]] = [("router.tls", router.tls)]
    tables += [(f"peers.{name}.tls", peer.tls_details) for name, peer in peers.items()]
    for where, tls in tables:
        if tls is not None and tls.certificate is not None:
            yield f"{where}.certificate", tls.certificate
        if tls is not None and tls.ca is not None:
            yield f"{where}.ca", tls.ca


def expiry(where: str, file: Path, now: datetime) -> Findings:
    """Find what is not valid now, and what soon will not be. A file that cannot be read has neither.

    What a file with CAs holds beside valid ones is no fault: the CA before the present one, say.
    """
    try:
        certificates = certificates_in(file)
    except (OSError, ValueError):
        certificates = []
    faults: list[ConfigProblem] = []
    notes: list[ConfigProblem] = []
    for certificate in certificates:
        ends_on = f"{certificate.ends_at:%Y-%m-%d}"
        if certificate.ends_at <= now:
            faults.append(ConfigProblem(where, f"a certificate in {file} has expired on {ends_on}; renew it"))
        elif certificate.begins_at > now:
            begins_on = f"{certificate.begins_at:%Y-%m-%d}"
            faults.append(ConfigProblem(where, f"a certificate in {file} is valid from {begins_on} on only"))
        elif certificate.ends_at <= now + EXPIRY_WARNING:
            days = (certificate.ends_at - now).days
            left = f"{days} day{'' if days == 1 else 's'}" if days else "less than a day"
            text = f"a certificate in {file} expires on {ends_on}, in {left}; renew it"
            notes.append(ConfigProblem(where, text))
    if where.endswith(".ca") and len(faults) < len(certificates):
        faults, notes = [], [*faults, *notes]
    return Findings(faults=tuple(faults), notes=tuple(notes))
