"""The components of a config, each with its plugin and its own settings, and what keeps them from working."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs

from hilum_core.config import ComponentEntry, Flow, PeerSettings
from hilum_core.registry.components import Composed
from hilum_core.registry.declared import Declared
from hilum_core.registry.faults import PluginError, place_of
from hilum_core.registry.isolation import Isolated, is_isolated
from hilum_core.registry.loading import PluginLoader
from hilum_core.registry.type_table import TypeTable
from hilum_sdk import ComponentSpec, SinkSpec, TransformSpec
from hilum_sdk.config import ConfigProblem, ConfigProblems, structure


@attrs.frozen(kw_only=True)
class Composition:
    """The components that can be made, by label (``sinks.pacs``).

    ``broken`` tells of every other one that is not disabled why it cannot, without quoting values;
    ``problems`` tell the same to who edits the config. Of components that were not asked for, neither
    tells anything. ``sink_peers`` says by the name of a sink whom it sends to: the peer that the key
    ``peer`` of its table names, known of every sink, whether its plugin was imported or not.
    ``isolated`` are those whose kind was asked for and who run in a process of their own: their plugins
    are not imported, so nothing else is told of them.
    """

    components: Mapping[str, Composed]
    broken: Mapping[str, str]
    problems: tuple[ConfigProblem, ...]
    sink_peers: Mapping[str, str] = attrs.field(factory=dict)
    isolated: Mapping[str, Isolated] = attrs.field(factory=dict)


class Composer:
    """Composes one config, all of it or ``only`` some kinds and labels; for one use."""

    def __init__(
        self,
        types: TypeTable,
        loader: PluginLoader,
        flow: Flow,
        peers: Collection[str],
        only: Collection[str] | None,
    ) -> None:
        self._types = types
        self._loader = loader
        self._flow = flow
        self._peers = peers
        self._only = only
        self._composed: dict[str, Composed] = {}
        self._isolated: dict[str, Isolated] = {}
        self._broken: dict[str, str] = {}
        self._problems: list[ConfigProblem] = []

    def compose(self) -> Composition:
        """Import what the config names, and nothing else."""
        for entry in self._flow.components():
            # A component is often disabled because its plugin is at fault.
            if not self._is_wanted(entry) or entry.disabled:
                continue
            if isolated := self._apart(entry):
                self._isolated[entry.label] = isolated
            else:
                self._add(entry)
        for entry in self._flow.left_out:
            if self._is_wanted(entry) and not self._apart(entry):
                self._examine(entry)
        for where, sink, text in self._unprotected():
            self._refuse(sink, where, text)
        for where, label in self._recorded():
            text = (
                "records the original attributes, on a route that de-identifies; take original_attributes out"
            )
            self._problems.append(ConfigProblem(where, f"{label} {text}"))
        return Composition(
            components=self._composed,
            broken=self._broken,
            problems=tuple(self._problems),
            sink_peers=dict(self._sink_peers()),
            isolated=self._isolated,
        )

    def _is_wanted(self, entry: ComponentEntry) -> bool:
        return self._only is None or entry.kind in self._only or entry.label in self._only

    def _apart(self, entry: ComponentEntry) -> Isolated | None:
        """Tell an isolated component that was not asked for by itself; a sink's worker asks for it alone."""
        if self._only is None or entry.label in self._only or entry.kind == "sinks":
            return None
        try:
            declared = self._types.find(entry.kind, entry.type, where=entry.label)
        except ConfigProblems:
            return None  # `_examine` says so
        if not is_isolated(entry, declared):
            return None
        return Isolated(label=entry.label, distribution=declared.distribution, version=declared.version)

    def _add(self, entry: ComponentEntry) -> None:
        composed, reason = self._examine(entry)
        if composed is not None:
            self._composed[entry.label] = composed
        else:
            self._broken[entry.label] = reason

    def _examine(self, entry: ComponentEntry) -> tuple[Composed | None, str]:
        """Compose one component, or note its problems and say in short why it cannot work."""
        declared: Declared | None = None
        try:
            declared = self._types.find(entry.kind, entry.type, where=f"{entry.label}.type")
            composed = _compose(entry, declared, self._loader, self._peers)
            _check_destination(composed, self._flow.peers)
        except ConfigProblems as error:
            origin = f"{declared.type}, {declared.blame}" if declared else ""
            self._problems += [attrs.evolve(problem, origin=origin) for problem in error.problems]
            return None, error.message
        except PluginError as error:
            assert declared is not None
            text = f"the plugin is broken: {error.fault}"
            self._problems.append(
                ConfigProblem(entry.label, text, origin=f"{declared.type}, {declared.blame}")
            )
            return None, error.message
        return composed, ""

    def _unprotected(self) -> Iterator[tuple[str, str, str]]:
        """Find the routes that lead to a de-identified sink without surely de-identifying; why each does not.

        A route with a transform that is broken is no such: its objects wait for it. Nor can that be
        said of one whose transforms were not asked for.
        """
        for index, route in zip(self._flow.route_numbers, self._flow.routes, strict=True):
            chain = [self._composed.get(f"transforms.{name}") for name in route.transforms]
            known = [step for step in chain if step is not None]
            if route.disabled or len(known) < len(chain):
                continue
            for place, name in enumerate(route.sinks):
                sink = self._flow.sinks.get(name)
                if sink is not None and sink.deidentified_only and self._is_wanted(sink):
                    for number, text in _leaks(known):
                        part = f"sinks[{place}]" if number is None else f"transforms[{number}]"
                        yield f"routes[{index}].{part}", sink.label, text

    def _recorded(self) -> Iterator[tuple[str, str]]:
        """Find the transforms that would keep what another one removes; nothing is recorded there."""
        for index, route in zip(self._flow.route_numbers, self._flow.routes, strict=True):
            chain = [self._composed.get(f"transforms.{name}") for name in route.transforms]
            if route.disabled or not any(step.deidentifies for step in chain if step is not None):
                continue
            for number, step in enumerate(chain):
                if step is not None and step.entry.original_attributes:
                    yield f"routes[{index}].transforms[{number}]", step.entry.label

    def _sink_peers(self) -> Iterator[tuple[str, str]]:
        left_out = [entry for entry in self._flow.left_out if entry.kind == "sinks"]
        for entry in (*self._flow.sinks.values(), *left_out):
            peer = entry.table.get("peer")
            if isinstance(peer, str) and peer in self._peers:
                yield entry.name, peer

    def _refuse(self, label: str, where: str, text: str) -> None:
        self._problems.append(ConfigProblem(where, f"{label} takes only what is de-identified, and {text}"))
        # The lane rests: better nothing leaves than what must not.
        self._broken[label] = f"{where} leads to it, and may bring what is not de-identified"
        self._composed.pop(label, None)


def _leaks(chain: Sequence[Composed]) -> Iterator[tuple[int | None, str]]:
    """Why what a chain makes is not surely de-identified, with the transform that is at fault, if one is."""
    last = max((number for number, step in enumerate(chain) if step.deidentifies), default=None)
    if last is None:
        yield None, "no transform of this route de-identifies; add one, or take the sink out"
        return
    for number, step in enumerate(chain[last + 1 :], last + 1):
        if not step.transcodes:
            yield number, "this stands behind what de-identifies; only a transcoder may: put it before"


def _compose(
    entry: ComponentEntry, declared: Declared, loader: PluginLoader, peers: Collection[str]
) -> Composed:
    spec = loader.spec(declared)
    assert isinstance(spec, ComponentSpec)
    try:
        config = structure(entry.table, spec.config, peers=peers, where=entry.label)
    except ConfigProblems:
        raise
    except Exception as error:
        raise PluginError(f"reading its config {place_of(error)}", blame=declared.blame) from error
    return Composed(
        entry=entry,
        config=config,
        spec=spec,
        distribution=declared.distribution,
        version=declared.version,
        **_traits(spec, config, declared),
    )


def _traits(spec: ComponentSpec, config: Any, declared: Declared) -> dict[str, Any]:
    try:
        if isinstance(spec, SinkSpec):
            return {"peer": spec.peer(config)}
        if isinstance(spec, TransformSpec):
            # Only a plain True counts: an object that happens to be truthy protects nobody.
            return {
                "deidentifies": spec.deidentifies(config) is True,
                "needs_pixels": bool(spec.needs_pixels(config)),
                "transcodes": spec.transcodes(config) is True,
            }
    except Exception as error:
        raise PluginError(f"asked about its config it {place_of(error)}", blame=declared.blame) from error
    return {}


def _check_destination(composed: Composed, peers: Mapping[str, PeerSettings]) -> None:
    # ROUTE imports no sink, and must know all the same what would go back to its sender.
    if composed.peer is not None and composed.peer != composed.entry.table.get("peer"):
        raise PluginError("it sends to a peer that its key `peer` does not name", blame=composed.blame)
    peer = peers.get(composed.peer or "")
    if peer is None:
        return
    missing = [key for key in ("host", "port") if getattr(peer, key) is None]
    if missing:
        keys = " and ".join(f"peers.{composed.peer}.{key}" for key in missing)
        text = f"sends to the peer {composed.peer!r}, which cannot be called: set {keys}"
        raise ConfigProblems([ConfigProblem(composed.entry.label, text)])
