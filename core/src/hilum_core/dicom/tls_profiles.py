"""The TLS Secure Transport Connection Profiles of PS3.15 Annex B that Hilum can be set to.

None goes below TLS 1.2: RFC 8996 forbids it. That leaves out the retired B.9, "BCP 195 TLS", in so far as it
allowed older versions; a peer that states it gets on with B.12, because it has to offer TLS 1.2 as well.

The suites of TLS 1.3 are OpenSSL's own choice, which the profiles permit: AES-256-GCM, ChaCha20-Poly1305 and
AES-128-GCM. The two CCM suites that B.13 wants of servers as well are off in OpenSSL, and Python cannot
switch them on; who needs them sets ``Ciphersuites`` in openssl.cnf.
"""

from __future__ import annotations

from typing import Final

import attrs

_ECDHE_GCM: Final = (
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
)
_DHE_GCM: Final = ("DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256")


@attrs.frozen(kw_only=True)
class TlsProfile:
    """One profile. ``suites`` are those of TLS 1.2, the most wanted first, by OpenSSL's names."""

    title: str
    clause: str
    suites: tuple[str, ...]
    may_speak_tls_1_3: bool = True

    @property
    def ciphers(self) -> str:
        """The suites as OpenSSL takes them.

        Security level 2 wants what B.13 does of certificates: RSA keys of 2048 bits or more, ECC keys of
        224 or more, no SHA-1. It leaves out suites whose authentication tag is shorter than 112 bits.
        """
        return ":".join((*self.suites, "@SECLEVEL=2"))


PROFILES: Final = {
    # The suites that RFC 9325 4.2 recommends: B.12 leaves them to it.
    "bcp195": TlsProfile(
        title="BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile",
        clause="B.12",
        suites=_ECDHE_GCM,
    ),
    # Those that B.13 requires of TLS 1.2, without Camellia, which it has made optional.
    "modified-bcp195": TlsProfile(
        title="Modified BCP 195 RFC 8996, 9325 TLS Secure Transport Connection Profile",
        clause="B.13",
        suites=(
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-CHACHA20-POLY1305",
            "ECDHE-ECDSA-AES256-CCM",
            "ECDHE-ECDSA-AES256-CCM8",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES128-CCM",
            "ECDHE-ECDSA-AES128-CCM8",
        ),
    ),
    "non-downgrading-bcp195": TlsProfile(
        title="Non-Downgrading BCP 195 TLS Secure Transport Connection Profile (retired)",
        clause="B.10",
        suites=(*_ECDHE_GCM, *_DHE_GCM),
    ),
    "extended-bcp195": TlsProfile(
        title="Extended BCP 195 TLS Secure Transport Connection Profile (retired)",
        clause="B.11",
        suites=(*_ECDHE_GCM, *_DHE_GCM),
        may_speak_tls_1_3=False,
    ),
}
