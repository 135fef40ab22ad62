"""How the router and its peers prove who they are: `[router.tls]`, `[peers.NAME.tls]` and `login`."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import attrs

from hilum_sdk.config import Secret, about, not_empty

ProfileName = Literal["bcp195", "modified-bcp195", "non-downgrading-bcp195", "extended-bcp195"]
_MAPPED_BITS = 96
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class Fingerprint(str):
    """The SHA-256 of a certificate, kept as 64 hexadecimal digits."""

    __slots__ = ()
    config_words: ClassVar[str] = "the SHA-256 fingerprint of a certificate"

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read hexadecimal digits, as `openssl x509 -fingerprint -sha256` prints them or without colons."""
        if type(value) is not str:
            raise TypeError
        digits = value.replace(":", "").strip().lower()
        if not _FINGERPRINT.fullmatch(digits):
            raise ValueError(f"expected {cls.config_words}: 64 hexadecimal digits, colons or not")
        return cls(digits)


class Network(str):
    """An IP address or network, in its normal form: an address is a network of one.

    One of IPv4 is such however it is written, as its callers are: `::ffff:10.1.20.5` is `10.1.20.5`.
    """

    __slots__ = ()
    config_words: ClassVar[str] = 'an IP address or network such as "10.1.20.0/24"'

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read an address, or a network with its prefix length."""
        if type(value) is not str:
            raise TypeError
        try:
            return cls(_unmapped(ipaddress.ip_network(value)))
        except ValueError as error:
            if "host bits" in str(error):
                meant = ipaddress.ip_network(value, strict=False)
                raise ValueError(f"{value!r} has bits beyond its prefix; write {str(meant)!r}") from None
            raise ValueError(f"expected {cls.config_words}, got {value!r}") from None


def _unmapped(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network,
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The network of IPv4 that one of IPv6 stands for (RFC 4291 2.5.5.2), or itself."""
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED_BITS))


def _file(instance: object, attribute: attrs.Attribute[Any], value: Path | None) -> None:  # noqa: ARG001 - attrs' signature
    """A path, and not what should stand in the file: no report may quote a key."""
    if value is not None and ("-----BEGIN" in str(value) or "\n" in str(value)):
        raise ValueError("is what should stand in a file; put it into one, and give the path")


def _with_certificate(instance: Any, attribute: attrs.Attribute[Any], value: Path | Secret | None) -> None:  # noqa: ARG001 - attrs' signature
    if value is not None and instance.certificate is None:
        raise ValueError("belongs to a certificate; give that, too")


@attrs.frozen(kw_only=True)
class RouterTls:
    """`[router.tls]`: what the router proves itself with, and whose certificates it trusts."""

    certificate: Path = attrs.field(
        validator=_file,
        metadata=about(
            "The certificate of the router, as PEM, followed by those that lead to its CA.",
            example='"/etc/hilum/tls/router.pem"',
        ),
    )
    key: Path = attrs.field(
        validator=_file,
        metadata=about("Its private key, as PEM.", example='"/etc/hilum/tls/router.key"'),
    )
    key_passcode: Secret | None = attrs.field(
        default=None, metadata=about("What the private key is encrypted with.")
    )
    ca: Path = attrs.field(
        validator=_file,
        metadata=about(
            "Whom to trust, as PEM: the CAs that sign the certificates of the peers, or such certificates "
            "themselves.",
            example='"/etc/hilum/tls/ca.pem"',
        ),
    )
    profile: ProfileName = attrs.field(
        default="bcp195",
        metadata=about(
            "The TLS Secure Transport Connection Profile of PS3.15: B.12, B.13, or the retired B.10 or B.11 "
            "for peers that know no other. None allows less than TLS 1.2."
        ),
    )
    require_certificate: bool = attrs.field(
        default=True,
        metadata=about("Whether who calls by TLS must present a certificate (mutual authentication)."),
    )


@attrs.frozen(kw_only=True)
class PeerTls:
    """`[peers.NAME.tls]`: what is special about TLS with one peer; `tls = true` is a table without keys."""

    subject: str | None = attrs.field(
        default=None,
        validator=not_empty,
        metadata=about(
            "The subject that its certificate must have when it calls, the most specific part first.",
            example='"CN=ct1,OU=Radiology,O=Clinic"',
        ),
    )
    fingerprints: tuple[Fingerprint, ...] = attrs.field(
        default=(),
        metadata=about(
            "The SHA-256 fingerprints of which its certificate must have one, when it calls and when it is "
            "called; the next one beside today's lets it renew its certificate."
        ),
    )
    server_name: str | None = attrs.field(
        default=None,
        validator=not_empty,
        metadata=about(
            "The name that its certificate must have when it is called, where that is not `host`."
        ),
    )
    check_name: bool = attrs.field(
        default=True,
        metadata=about("Whether its certificate must have that name."),
    )
    ca: Path | None = attrs.field(
        default=None,
        validator=_file,
        metadata=about("Whom to trust when it is called. By default as for the router."),
    )
    certificate: Path | None = attrs.field(
        default=None,
        validator=_file,
        metadata=about("The certificate to call it with. By default the router's."),
    )
    key: Path | None = attrs.field(
        default=None,
        validator=[_file, _with_certificate],
        metadata=about("The private key of that certificate."),
    )
    key_passcode: Secret | None = attrs.field(
        default=None,
        validator=_with_certificate,
        metadata=about("What the private key is encrypted with."),
    )
    profile: ProfileName | None = attrs.field(
        default=None, metadata=about("The profile to call it by. By default the router's.")
    )

    @certificate.validator
    def _with_key(self, _: attrs.Attribute[Path | None], value: Path | None) -> None:
        if value is not None and self.key is None:
            raise ValueError("needs a key beside it")

    @check_name.validator
    def _one_of_two(self, _: attrs.Attribute[bool], value: bool) -> None:  # noqa: FBT001 - attrs' signature
        if not value and self.server_name is not None:
            raise ValueError("server_name says which name to check; take one of the two out")


@attrs.frozen(kw_only=True)
class Login:
    """`[peers.NAME.login]`: the user that the router gives when it calls a peer (PS3.7 D.3.3.7)."""

    user: str = attrs.field(validator=not_empty, metadata=about("The user name.", example='"HILUM"'))
    passcode: Secret | None = attrs.field(
        default=None, metadata=about("The passcode, if the peer wants one beside the name.")
    )
