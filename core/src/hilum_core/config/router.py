"""`[router]`: what holds for the router as a whole."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import attrs
from attrs.validators import deep_iterable, optional

from hilum_core.config.security import RouterTls
from hilum_sdk import Size
from hilum_sdk.config import ConfigProblem, ConfigProblems, about, ae_title, positive, structure

_each_an_ae_title = deep_iterable(ae_title)
_LEAST_MEMORY = 256 * 2**20


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


def _enough_memory(instance: object, attribute: attrs.Attribute[Size], value: Size) -> None:  # noqa: ARG001 - attrs' signature
    if value < _LEAST_MEMORY:
        raise ValueError('a worker needs at least "256MiB"')


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


def read_router(document: Mapping[str, Any]) -> RouterSettings:
    """Read `[router]`. Raises `ConfigProblems`."""
    if "router" not in document:
        raise ConfigProblems([ConfigProblem("router", "missing; a config has [router] with state_dir")])
    return structure(document["router"], RouterSettings, where="router")
