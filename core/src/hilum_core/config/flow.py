"""All of a config but `[router]`: what there is and what goes where. What is faulty is left out and named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from hilum_core.config.components import KINDS, ComponentEntry, Kind, read_component, rest_of
from hilum_core.config.peers import PeerSettings
from hilum_core.config.router import RouterSettings
from hilum_core.config.routes import RouteSettings, read_route, same_names
from hilum_sdk.config import ConfigProblem, ConfigProblems, nearest, path_to

_TABLES = ("router", "peers", *KINDS, "routes")


@attrs.frozen(kw_only=True)
class Flow:
    """The peers, the components by kind and name, and the routes in their order.

    ``broken`` tells by label (``sinks.pacs``, ``routes[0]``) what was left out, and why, without
    quoting values; ``left_out`` are the components among them, whose own keys can still be examined.
    ``route_numbers`` are the places of ``routes`` in the file. ``notes`` are about what is no fault
    and looks like an oversight.
    """

    peers: Mapping[str, PeerSettings]
    filters: Mapping[str, ComponentEntry]
    transforms: Mapping[str, ComponentEntry]
    sinks: Mapping[str, ComponentEntry]
    checks: Mapping[str, ComponentEntry]
    services: Mapping[str, ComponentEntry]
    routes: tuple[RouteSettings, ...]
    route_numbers: tuple[int, ...] = ()
    broken: Mapping[str, str] = attrs.field(factory=dict)
    left_out: tuple[ComponentEntry, ...] = ()
    notes: tuple[ConfigProblem, ...] = ()

    def components(self) -> Iterator[ComponentEntry]:
        """Every component, kind by kind."""
        for kind in KINDS:
            yield from getattr(self, kind).values()


@attrs.frozen(kw_only=True)
class Config(Flow):
    """A whole config."""

    router: RouterSettings


class FlowReader:
    """Reads one document, gathering its problems; for one use."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._tables: dict[Kind, Mapping[str, Any]] = {}
        self._broken: dict[str, str] = {}
        self._left_out: list[ComponentEntry] = []
        self.problems: list[ConfigProblem] = []

    def read(
        self,
        peers: Mapping[str, PeerSettings],
        peer_names: Collection[str],
        called_aes: Collection[str] | None,
    ) -> Flow:
        """Read everything but `[router]` and `[peers]`.

        `peer_names` are all peers of the document, those that are at fault included;
        `called_aes` the AE titles of the router, None where it is at fault itself.
        """
        self._read_top_level()
        entries: dict[Kind, Mapping[str, ComponentEntry]] = {k: self._read_components(k) for k in KINDS}
        routes = self._read_routes(peer_names, called_aes)
        return Flow(
            peers=peers,
            filters=entries["filters"],
            transforms=entries["transforms"],
            sinks=entries["sinks"],
            checks=entries["checks"],
            services=entries["services"],
            routes=tuple(routes.values()),
            route_numbers=tuple(routes),
            broken=self._broken,
            left_out=tuple(self._left_out),
            # Beside faults they would mislead: what uses a sink may be what is left out.
            notes=() if self.problems else tuple(_notes(peers, entries, routes.values())),
        )

    def _read_top_level(self) -> None:
        for kind in KINDS:
            table = self._document.get(kind, {})
            self._tables[kind] = table if isinstance(table, Mapping) else {}
            if not isinstance(table, Mapping):
                self.problems.append(ConfigProblem(kind, f"expected tables by name: [{kind}.NAME]"))
        for name in self._document:
            if name in _TABLES:
                continue
            near = nearest(name, _TABLES)
            meant = f"did you mean {near!r}?" if near else f"known: {', '.join(_TABLES)}"
            self.problems.append(ConfigProblem(path_to(name), f"unknown table; {meant}"))
            if near == "routes":
                # Perhaps these are the routes: without them objects would go the way of `unmatched`.
                self._broken["routes[0]"] = (
                    f"the table {path_to(name)} is unknown and may be meant for routes"
                )

    def _read_components(self, kind: Kind) -> Mapping[str, ComponentEntry]:
        entries: dict[str, ComponentEntry] = {}
        for name, table in self._tables[kind].items():
            try:
                entries[name] = read_component(kind, name, table, self._tables["checks"])
            except ConfigProblems as error:
                self._leave_out(path_to(kind, name), error)
                self._left_out += rest_of(kind, name, table)
        return entries

    def _read_routes(
        self, peer_names: Collection[str], called_aes: Collection[str] | None
    ) -> Mapping[int, RouteSettings]:
        tables = self._document.get("routes", [])
        if not isinstance(tables, list):
            self._leave_out(
                "routes[0]", ConfigProblems([ConfigProblem("routes", "expected tables: [[routes]]")])
            )
            return {}
        routes: dict[int, RouteSettings] = {}
        twice = same_names(tables)
        for index, table in enumerate(tables):
            problems = [twice[index]] if index in twice else []
            try:
                routes[index] = read_route(
                    index, table, components=self._tables, peers=peer_names, called_aes=called_aes
                )
            except ConfigProblems as error:
                problems = [*error.problems, *problems]
            if problems:
                routes.pop(index, None)
                self._leave_out(f"routes[{index}]", ConfigProblems(problems))
        return routes

    def _leave_out(self, label: str, error: ConfigProblems) -> None:
        self.problems += error.problems
        self._broken[label] = error.message


def _notes(
    peers: Mapping[str, PeerSettings],
    entries: Mapping[Kind, Mapping[str, ComponentEntry]],
    routes: Collection[RouteSettings],
) -> Iterator[ConfigProblem]:
    if not any(peer.may_send for peer in peers.values()):
        yield ConfigProblem("peers", "nobody may send; give a peer may_send = true")
    if not routes:
        yield ConfigProblem("routes", "there is no route, so no object goes anywhere")
    kinds: tuple[Kind, ...] = ("filters", "transforms", "sinks")
    for kind in kinds:
        used = {name for route in routes for name in getattr(route, kind)}
        for name in entries[kind]:
            if name not in used:
                yield ConfigProblem(path_to(kind, name), "no route uses it")
