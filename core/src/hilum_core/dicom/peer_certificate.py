"""What the certificate of a peer says of it: the facts that access rules and filters ask for."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator
from typing import Any, Final

import attrs

from hilum_core.log import escape

_SHORT: Final = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
"""The keywords that RFC 4514 3 has for OpenSSL's names. Others stand by OpenSSL's."""

_SPECIAL: Final = frozenset(',+"\\<>;')


@attrs.frozen(kw_only=True)
class PeerCertificate:
    """A certificate that has been verified.

    ``subject`` is written as RFC 4514 has it, the most specific part first, safe to log;
    ``fingerprint`` is the SHA-256 of the certificate, in hexadecimal digits.
    """

    subject: str
    fingerprint: str


def peer_certificate(tls: ssl.SSLObject) -> PeerCertificate | None:
    """Read the peer's certificate after a handshake; None if it presented none."""
    der = tls.getpeercert(binary_form=True)
    if der is None:
        return None
    details: Any = tls.getpeercert()
    return PeerCertificate(
        subject=subject_text(details.get("subject", ())), fingerprint=hashlib.sha256(der).hexdigest()
    )


def subject_text(subject: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    """Write a subject, as `ssl` gives it, in the form of RFC 4514: ``CN=ct1,O=Clinic``."""
    return ",".join("+".join(_attributes(name)) for name in reversed(subject))


def _attributes(name: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for keyword, value in name:
        yield f"{_SHORT.get(keyword, keyword)}={_escaped(value)}"


def _escaped(value: str) -> str:
    text = "".join("\\" + character if character in _SPECIAL else character for character in value)
    if text.startswith(("#", " ")):
        text = "\\" + text
    if value.endswith(" ") and len(value) > 1:
        text = text[:-1] + "\\ "
    return escape(text)
