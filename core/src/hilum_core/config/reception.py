"""The part of a config that reception needs: `[router]` and `[peers]`. It starts with these two alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hilum_core.config.peers import PeerSettings, read_peers
from hilum_core.config.router import RouterSettings, read_router
from hilum_sdk.config import ConfigProblem, ConfigProblems, path_to, unknown_name


@attrs.frozen(kw_only=True)
class Reception:
    """All that the receive process knows of the config."""

    router: RouterSettings
    peers: Mapping[str, PeerSettings]


def read_reception(
    document: Mapping[str, Any],
) -> tuple[RouterSettings | None, Mapping[str, PeerSettings], list[ConfigProblem]]:
    """Read both tables; no router where either is at fault."""
    router: RouterSettings | None = None
    peers: Mapping[str, PeerSettings] = {}
    problems: list[ConfigProblem] = []
    try:
        router = read_router(document)
    except ConfigProblems as error:
        problems += error.problems
    try:
        peers = read_peers(document)
    except ConfigProblems as error:
        router = None
        problems += error.problems
    if router is not None and (missing := tuple(_tls_is_there(router, peers))):
        router = None
        problems += missing
    if router is not None and (wrong := list(_not_ours(router, peers))):
        router = None
        problems += wrong
    return router, peers, problems


def _not_ours(router: RouterSettings, peers: Mapping[str, PeerSettings]) -> Iterator[ConfigProblem]:
    """Find the AE titles that a peer may call and the router has not."""
    for name, peer in peers.items():
        for index, title in enumerate(peer.may_call):
            if title not in router.called_aes:
                where = f"{path_to('peers', name)}.may_call[{index}]"
                yield ConfigProblem(where, unknown_name("AE title of the router", title, router.called_aes))


def _tls_is_there(router: RouterSettings, peers: Mapping[str, PeerSettings]) -> Iterator[ConfigProblem]:
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
