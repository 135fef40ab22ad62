"""`[peers.NAME]`: the inventory of DICOM nodes, and whether its entries can be told apart."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, Literal, Self

import attrs
from attrs.validators import deep_iterable, optional

from hilum_core.config.names import bad_name
from hilum_core.config.security import Login, Network, PeerTls
from hilum_sdk.config import (
    ConfigProblem,
    ConfigProblems,
    Secret,
    about,
    ae_title,
    nearest,
    not_empty,
    path_to,
    port_number,
    positive,
    structure,
)

_each_an_ae_title = deep_iterable(ae_title)
_ANYWHERE = ""
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.(?!-)[A-Za-z0-9_-]{1,63})*\.?")


@cache
def _syntaxes() -> dict[str, str]:
    """UIDs by keyword; asked only where a config names one, because pydicom takes 0.3 s to import."""
    from pydicom.uid import AllTransferSyntaxes  # noqa: PLC0415 - see above

    return {uid.keyword: str(uid) for uid in AllTransferSyntaxes}


class TransferSyntax(str):
    """The UID of a transfer syntax, written as UID or keyword."""

    __slots__ = ()
    config_words: ClassVar[str] = 'a transfer syntax such as "ExplicitVRLittleEndian" or its UID'

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read a UID or the keyword of PS3.6 Table A-1."""
        if type(value) is not str:
            raise TypeError
        syntaxes = _syntaxes()
        if value in syntaxes.values():
            return cls(value)
        if value in syntaxes:
            return cls(syntaxes[value])
        near = nearest(value, syntaxes)
        raise ValueError(
            f"no transfer syntax is called {value!r}" + (f"; did you mean {near!r}?" if near else "")
        )


def _later(instance: object, attribute: attrs.Attribute[bool | None], value: bool | None) -> None:  # noqa: ARG001, FBT001 - attrs' signature
    if value is not None:
        raise ValueError("this version takes no reports, they come with a later one; take it out")


def _host(instance: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:  # noqa: ARG001 - attrs' signature
    if value is None:
        return
    try:
        ipaddress.ip_address(value)
    except ValueError:
        if re.fullmatch(r"[0-9.]+", value):
            raise ValueError(f"{value!r} is no IP address") from None
        if not _HOST_NAME.fullmatch(value):
            raise ValueError(
                f"must be the name of a host or an IP address, without port, got {value!r}"
            ) from None


@attrs.frozen(kw_only=True)
class PeerSettings:
    """`[peers.NAME]`: one DICOM node of the inventory, with an owner to call."""

    ae_title: str = attrs.field(validator=ae_title, metadata=about("Its AE title.", example='"CT1"'))
    host: str | None = attrs.field(
        default=None,
        validator=_host,
        metadata=about("Its host name or IP address; a destination needs one.", example='"10.1.20.5"'),
    )
    port: int | None = attrs.field(
        default=None,
        validator=port_number,
        metadata=about("The port it listens on; a destination needs one.", example="104"),
    )
    owner: str = attrs.field(
        default="", metadata=about("Whom to call about it.", example='"Radiology, ext. 4711"')
    )
    description: str = attrs.field(default="", metadata=about("What it is."))
    may_send: bool = attrs.field(default=False, metadata=about("Whether its objects are accepted (C-STORE)."))
    may_call: tuple[str, ...] = attrs.field(
        default=(),
        validator=_each_an_ae_title,
        metadata=about(
            "Under which AE titles of the router it may call; empty: all of them.", example='["HILUM_TEST"]'
        ),
    )
    may_echo: bool = attrs.field(default=True, metadata=about("Whether it may test the connection (C-ECHO)."))
    may_report: bool | None = attrs.field(
        default=None,
        validator=_later,
        metadata=about(
            "Whether its reports about what it stored are taken (N-EVENT-REPORT). Not in this version."
        ),
    )
    most_associations: int | None = attrs.field(
        default=None,
        validator=optional(positive),
        metadata=about(
            "How many associations it may have open at a time. "
            "By default `router.most_associations_of_a_peer`."
        ),
    )
    check_address: bool = attrs.field(
        default=True,
        metadata=about(
            "Whether a caller with its AE title must come from `host`, where that is an IP address."
        ),
    )
    from_addresses: tuple[Network, ...] = attrs.field(
        default=(),
        metadata=about(
            "The addresses and networks that it may call from, in place of `host`: of a group of modalities "
            "behind one network, say.",
            example='["10.1.20.0/24", "10.1.30.7"]',
        ),
    )
    tls: bool | PeerTls = attrs.field(
        default=False,
        metadata=about(
            "Whether it must call by TLS, and is called by TLS: `true`, or a table of what is special."
        ),
    )
    user: str | None = attrs.field(
        default=None,
        validator=not_empty,
        metadata=about(
            "The user that it must give when it calls (User Identity Negotiation). By default any, or none.",
            example='"portal"',
        ),
    )
    passcode_hash: Secret | None = attrs.field(
        default=None,
        metadata=about(
            "What `hilum passcode` printed of the passcode that it must give beside the user.",
            example='{ file = "/etc/hilum/portal.passcode" }',
        ),
    )
    login: Login | None = attrs.field(default=None, metadata=about("The user to give when it is called."))
    prefer: tuple[TransferSyntax, ...] = attrs.field(
        default=(),
        metadata=about(
            "Which transfer syntaxes to accept before others when it offers several, as keywords or UIDs. "
            "By default Explicit VR Little Endian, Implicit VR Little Endian, then its own order.",
            example='["JPEG2000Lossless"]',
        ),
    )
    returning: Literal["hold", "accept"] = attrs.field(
        default="hold",
        metadata=about("What happens when it sends back the very bytes that were delivered to it."),
    )

    @from_addresses.validator
    def _checked(self, _: attrs.Attribute[tuple[Network, ...]], value: tuple[Network, ...]) -> None:
        if value and not self.check_address:
            raise ValueError("check_address = false has nothing checked; take one of the two out")

    @passcode_hash.validator
    def _of_user(self, _: attrs.Attribute[Secret | None], value: Secret | None) -> None:
        if value is not None and self.user is None:
            raise ValueError("belongs to a user; give that, too")

    @property
    def tls_details(self) -> PeerTls | None:
        """What is special about TLS with it; None if it does without TLS."""
        return self.tls if isinstance(self.tls, PeerTls) else PeerTls() if self.tls else None

    @property
    def calls_from(self) -> tuple[Network, ...]:
        """The networks that it may call from; empty: any."""
        if self.from_addresses or not self.check_address or self.host is None:
            return self.from_addresses
        try:
            return (Network.from_config(self.host),)
        except ValueError:  # a host name: reception does not depend on a name server
            return ()


def read_peers(document: Mapping[str, Any]) -> Mapping[str, PeerSettings]:
    """Read `[peers.NAME]`, each by its name. Raises `ConfigProblems`."""
    tables = document.get("peers", {})
    if not isinstance(tables, Mapping):
        raise ConfigProblems([ConfigProblem("peers", "expected tables by name: [peers.NAME]")])
    peers: dict[str, PeerSettings] = {}
    problems: list[ConfigProblem] = []
    for name, table in tables.items():
        where = path_to("peers", name)
        if complaint := bad_name(name):
            problems.append(ConfigProblem(where, complaint))
        try:
            peers[name] = structure(table, PeerSettings, where=where)
        except ConfigProblems as error:
            problems += error.problems
    problems += _told_apart(peers)
    if problems:
        raise ConfigProblems(problems)
    return peers


def _told_apart(peers: Mapping[str, PeerSettings]) -> Iterator[ConfigProblem]:
    """Find peers that a caller can be either of: with one AE title, and from the same address."""
    before: dict[tuple[str, str], list[str]] = {}
    for name, peer in peers.items():
        for network in peer.calls_from or (_ANYWHERE,):
            others = before.setdefault((peer.ae_title, network), [])
            if (other := next((one for one in others if _are_alike(peers[one], peer)), None)) is not None:
                yield ConfigProblem(path_to("peers", name), _alike(peer, network, other))
                break
            others.append(name)


def _are_alike(one: PeerSettings, other: PeerSettings) -> bool:
    """Whether it matters that nobody knows which of the two calls: not for two archives of one AE title."""
    return one.may_send or other.may_send or one.host == other.host


def _alike(peer: PeerSettings, network: str, other: str) -> str:
    if network == _ANYWHERE:
        shared = "the AE title of peers.{}, and either may call from any address"
    else:
        shared = f"the AE title and {'from_addresses' if peer.from_addresses else 'host'} of peers.{{}}"
    return (
        f"has {shared.format(other)}, so nobody can tell which of them calls; give each an AE title or "
        "addresses of its own"
    )
