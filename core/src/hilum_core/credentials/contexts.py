"""TLS contexts from the settings: certificate, key, whom to trust, and the profile's versions and suites."""

from __future__ import annotations

import ssl
from pathlib import Path

from hilum_core.config import PeerTls, RouterTls
from hilum_core.dicom.tls import ClientTls
from hilum_core.dicom.tls_profiles import PROFILES
from hilum_sdk import ConfigError
from hilum_sdk.config import Secret


class CredentialError(ConfigError):
    """A certificate, key or passcode cannot be used; the message names the setting and what to do."""


def server_context(tls: RouterTls) -> ssl.SSLContext:
    """Make the context for callers.

    There are no session tickets: associations last, each is to show its certificate, and a caller that
    leaves without having read its tickets would have the connection reset.

    Raises
    ------
    CredentialError
        A file cannot be read, or is not what its setting says.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _apply_profile(context, tls.profile)
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED if tls.require_certificate else ssl.CERT_OPTIONAL
    _trust(context, tls.ca, "router.tls.ca")
    _prove(context, tls.certificate, tls.key, tls.key_passcode, "router.tls")
    return context


def client_tls(name: str, host: str, peer: PeerTls, router: RouterTls | None) -> ClientTls:
    """Make what it takes to call a peer by TLS; the router's own settings stand in for what is not set.

    Raises
    ------
    CredentialError
        As `server_context`.
    """
    where = f"peers.{name}.tls"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = peer.check_name
    _apply_profile(context, peer.profile or (router.profile if router else "bcp195"))
    if peer.ca is not None:
        _trust(context, peer.ca, f"{where}.ca")
    elif router is not None:
        _trust(context, router.ca, "router.tls.ca")
    if peer.certificate is not None and peer.key is not None:
        _prove(context, peer.certificate, peer.key, peer.key_passcode, where)
    elif router is not None:
        _prove(context, router.certificate, router.key, router.key_passcode, "router.tls")
    return ClientTls(
        context=context,
        server_name=peer.server_name or host,
        fingerprints=frozenset(peer.fingerprints),
    )


def _apply_profile(context: ssl.SSLContext, name: str) -> None:
    profile = PROFILES[name]
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_3 if profile.may_speak_tls_1_3 else ssl.TLSVersion.TLSv1_2
    context.set_ciphers(profile.ciphers)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE


def _trust(context: ssl.SSLContext, ca: Path, where: str) -> None:
    # So that a peer's own certificate can be trusted, without the CA above it.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cafile=ca)
    except ssl.SSLError:
        raise CredentialError(f"{where}: {ca} holds no certificate as PEM; name a file that does") from None
    except OSError as error:
        raise CredentialError(_unreadable(where, ca, error)) from None


def _prove(
    context: ssl.SSLContext, certificate: Path, key: Path, passcode: Secret | None, where: str
) -> None:
    for setting, path in ((f"{where}.certificate", certificate), (f"{where}.key", key)):
        try:
            path.open("rb").close()
        except OSError as error:
            raise CredentialError(_unreadable(setting, path, error)) from None
    # OpenSSL would ask the terminal.
    password = passcode.reveal() if passcode else ""
    try:
        context.load_cert_chain(certificate, key, password)
    except ssl.SSLError as error:
        raise CredentialError(
            _unusable(error, certificate, key, where, has_passcode=bool(passcode))
        ) from None
    except OSError as error:  # a renewal is under way, and one of them has gone since
        raise CredentialError(_unreadable(where, certificate, error)) from None
    except ValueError:
        raise CredentialError(
            f"{where}.key_passcode: is none that a key can have; give the right one"
        ) from None


def _unreadable(where: str, path: Path, error: OSError) -> str:
    return f"{where}: {path} cannot be read ({error.strerror}); make it a file that the router may read"


def _unusable(error: ssl.SSLError, certificate: Path, key: Path, where: str, *, has_passcode: bool) -> str:
    reason = error.reason or "no reason given"
    if "MISMATCH" in reason:
        return f"{where}.key: {key} is not the key of {certificate}; give the two that belong together"
    if b"ENCRYPTED" in _begin(key) and b"BEGIN CERTIFICATE" in _begin(certificate):
        passcode = "its key_passcode is not the right one" if has_passcode else "give key_passcode"
        return f"{where}.key: {key} is encrypted; {passcode}"
    if reason in {"EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"}:
        return f"{where}.certificate: {certificate} is too weak for the profile; have a stronger one issued"
    return f"{where}: {certificate} and {key} are not a certificate and its key as PEM"


def _begin(path: Path) -> bytes:
    """What stands in a small file; nothing where it has gone since."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
