"""The part of a config that reception needs: `[router]` and `[peers]`. It starts with these two alone."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import attrs
from attrs.validators import deep_iterable, optional

from hilum_core.config.names import bad_name
from hilum_core.config.security import Login, Network, PeerTls, RouterTls
from hilum_sdk import Size
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
    unknown_name,
)

_each_an_ae_title = deep_iterable(ae_title)
_LEAST_MEMORY = 256 * 2**20
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.(?!-)[A-Za-z0-9_-]{1,63})*\.?")


@cache
def _syntaxes() -> dict[str, str]:
    """UIDs by keyword; asked only where a config names one, because pydicom takes 0.3 s to import."""
    from pydicom.uid import AllTransferSyntaxes  # noqa: PLC0415 - see above

    return {uid.keyword: str(uid) for uid in AllTransferSyntaxes}


@attrs.frozen
class ListenAddress:
    """An IP address and a port to listen on. Port 0: the system chooses one."""

    config_words: ClassVar[str] = 'an address with port such as "127.0.0.1:11112" or "[::1]:11112"'

    host: str
    port: int

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read ``"127.0.0.1:11112"`` or ``"[::1]:11112"``."""
        if type(value) is not str:
            raise TypeError
        host, _, port = value.rpartition(":")
        is_bracketed = host.startswith("[") and host.endswith("]")
        try:
            address = ipaddress.ip_address(host[1:-1] if is_bracketed else host)
        except ValueError:
            raise ValueError(f"expected {cls.config_words}; a name is no address") from None
        if is_bracketed != (address.version == 6) or not re.fullmatch("[0-9]{1,5}", port):
            raise ValueError(f"expected {cls.config_words}")
        if int(port) > 65535:
            raise ValueError(f"the port must be 0 to 65535, got {port}")
        return cls(str(address), int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


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


def _enough_memory(instance: object, attribute: attrs.Attribute[Size], value: Size) -> None:  # noqa: ARG001 - attrs' signature
    if value < _LEAST_MEMORY:
        raise ValueError('a worker needs at least "256MiB"')


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
class RouterSettings:
    """`[router]`: what holds for the router as a whole."""

    ae_title: str = attrs.field(
        default="HILUM",
        validator=ae_title,
        metadata=about("The AE title under which the router is called, and calls others."),
    )
    also_called: tuple[str, ...] = attrs.field(
        default=(),
        validator=_each_an_ae_title,
        metadata=about(
            "Further AE titles under which it may be called: old names, or one for each kind of traffic, "
            "such as tests. A route's `called` and a peer's `may_call` tell them apart.",
            example='["OLD_ROUTER", "HILUM_TEST"]',
        ),
    )
    listen: ListenAddress = attrs.field(
        default=ListenAddress("127.0.0.1", 11112),
        metadata=about(
            "Where it listens. The default takes only programs of the same machine; `0.0.0.0` and `[::]` "
            "stand for every address. Port 0: the system chooses.",
            example='"10.1.1.5:104"',
        ),
    )
    listen_tls: ListenAddress | None = attrs.field(
        default=None,
        metadata=about(
            "Where it listens for callers that use TLS; needs `[router.tls]`. 2762 is the port that is "
            "registered for it.",
            example='"10.1.1.5:2762"',
        ),
    )
    tls: RouterTls | None = attrs.field(
        default=None,
        metadata=about("What the router proves itself with, and whose certificates it trusts."),
    )
    state_dir: Path = attrs.field(
        metadata=about(
            "The folder of spool and queue, on a local disk, mirrored if it can be. One router uses it.",
            example='"/var/lib/hilum"',
        )
    )
    unmatched: Literal["hold", "discard"] = attrs.field(
        default="hold",
        metadata=about(
            "What happens to an object that no route takes: it waits for a person, or it is done with."
        ),
    )
    keep_settled: timedelta = attrs.field(
        default=timedelta(days=1),
        metadata=about("How long an object is kept after all its deliveries have ended well."),
    )
    keep_records: timedelta | None = attrs.field(
        default=None,
        validator=optional(positive),
        metadata=about(
            "How long rows and ledger are kept after an object's bytes were removed. Then `hilum queue` "
            "knows nothing of it, and its bytes coming back are no loop any more. By default for ever.",
            example='"730d"',
        ),
    )
    receive_processes: int = attrs.field(
        default=2, validator=positive, metadata=about("How many processes receive.")
    )
    route_workers: int = attrs.field(
        default=1, validator=positive, metadata=about("How many processes ask the filters.")
    )
    render_workers: int = attrs.field(
        default=1, validator=positive, metadata=about("How many processes apply transforms.")
    )
    most_associations: int = attrs.field(
        default=64,
        validator=positive,
        metadata=about(
            "How many associations may be open at a time, over all receiving processes; more are rejected as "
            "transient."
        ),
    )
    most_associations_of_a_peer: int = attrs.field(
        default=32,
        validator=positive,
        metadata=about(
            "How many of them one peer may have, so that none keeps the others out; "
            "`peers.NAME.most_associations` says otherwise for one."
        ),
    )
    idle_timeout: timedelta = attrs.field(
        default=timedelta(seconds=60),
        validator=positive,
        metadata=about(
            "How long a sender may be silent between two objects, and how long it may take within one for "
            "the next 512 bytes; then its association is aborted."
        ),
    )
    refuse_below_free: Size | None = attrs.field(
        default=None,
        metadata=about(
            "Senders are refused while the disk of `state_dir` has less than this free. "
            "By default 5 % of the disk, and at least 10 GiB.",
            example='"20 GiB"',
        ),
    )
    worker_memory: Size = attrs.field(
        default=Size(2 * 2**30),
        validator=_enough_memory,
        metadata=about("The address space that a process with plugins may use."),
    )
    stop_within: timedelta = attrs.field(
        default=timedelta(seconds=30),
        validator=positive,
        metadata=about(
            "How long a stop waits for what is under way; then it is cut off, and done again later."
        ),
    )
    filter_timeout: timedelta = attrs.field(
        default=timedelta(seconds=10),
        validator=positive,
        metadata=about("How long one call of a filter may take without a sign of life."),
    )
    transform_timeout: timedelta = attrs.field(
        default=timedelta(minutes=5),
        validator=positive,
        metadata=about("How long one call of a transform may take without a sign of life."),
    )

    @listen_tls.validator
    def _with_tls(self, _: attrs.Attribute[ListenAddress | None], value: ListenAddress | None) -> None:
        if value is None:
            return
        if self.tls is None:
            raise ValueError("needs [router.tls] with certificate, key and ca")
        if value == self.listen and value.port:
            raise ValueError("must not be the address of listen: one port speaks with TLS or without")

    @property
    def called_aes(self) -> frozenset[str]:
        """All AE titles under which it may be called."""
        return frozenset(title.strip() for title in (self.ae_title, *self.also_called))


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
            return (Network(ipaddress.ip_network(self.host)),)
        except ValueError:  # a host name: reception does not depend on a name server
            return ()


@attrs.frozen(kw_only=True)
class Reception:
    """All that the receive process knows of the config."""

    router: RouterSettings
    peers: Mapping[str, PeerSettings]


def not_ours(router: RouterSettings, peers: Mapping[str, PeerSettings]) -> Iterator[ConfigProblem]:
    """Find the AE titles that a peer may call and the router has not."""
    for name, peer in peers.items():
        for index, title in enumerate(peer.may_call):
            if title not in router.called_aes:
                where = f"{path_to('peers', name)}.may_call[{index}]"
                yield ConfigProblem(where, unknown_name("AE title of the router", title, router.called_aes))


def read_router(document: Mapping[str, Any]) -> RouterSettings:
    """Read `[router]`. Raises `ConfigProblems`."""
    if "router" not in document:
        raise ConfigProblems([ConfigProblem("router", "missing; a config has [router] with state_dir")])
    return structure(document["router"], RouterSettings, where="router")


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
    first: dict[tuple[str, str | None, str], str] = {}
    for name, peer in peers.items():
        host = None if peer.from_addresses else peer.host
        for network in peer.from_addresses or ("",):
            other = first.setdefault((peer.ae_title, host, network), name)
            if other != name:
                yield ConfigProblem(
                    f"peers.{name}",
                    f"has the AE title and {'from_addresses' if network else 'host'} of peers.{other}, so "
                    "nobody can tell which of them calls; give each an AE title or addresses of its own",
                )
                break


def tls_is_there(router: RouterSettings, peers: Mapping[str, PeerSettings]) -> Iterator[ConfigProblem]:
    """Find peers whose TLS wants something that `[router]` does not have."""
    for name, peer in peers.items():
        details = peer.tls_details
        if details is None:
            continue
        where = path_to("peers", name, "tls")
        if details.ca is None and router.tls is None:
            yield ConfigProblem(where, "nobody is trusted; give a ca here, or [router.tls]")
        if peer.may_send and router.listen_tls is None:
            yield ConfigProblem(where, "it has nowhere to call by TLS; give router.listen_tls")
