"""Which routes an object takes: a pure decision over the config and the filters' answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from hilum_core.config import RouteSettings
from hilum_core.queue.records import NewDelivery, RouteMatch
from hilum_sdk import Instance, TemporaryError

Matcher = Callable[[str], bool]
"""Ask the filter of this name about the object at hand."""


@attrs.frozen(kw_only=True)
class RoutingPlan:
    """What of the config decides about routes.

    ``sink_peers`` names the peer that a sink sends to, for sinks that send to one; ``broken`` says
    of each filter and route that cannot be asked why not.
    """

    routes: Sequence[RouteSettings]
    sink_peers: Mapping[str, str]
    broken: Mapping[str, str]
    unmatched: str


@attrs.frozen(kw_only=True)
class Decision:
    """The routes that matched, and the deliveries that follow.

    There may be matches and no delivery: all would have returned the object to its sender. It has then
    not been delivered, and must not end as if it had.
    """

    matches: tuple[RouteMatch, ...]
    deliveries: tuple[NewDelivery, ...]
    notes: tuple[str, ...]


def decide(plan: RoutingPlan, instance: Instance, matches: Matcher) -> Decision:
    """Decide where an object goes.

    Routes are asked in their order; one with ``stop`` that takes the object is the last.

    Raises
    ------
    TemporaryError
        A route that may concern the object cannot be asked; the object waits rather than take a
        wrong way.
    """
    for label, reason in plan.broken.items():
        if label.startswith("routes["):
            raise TemporaryError(f"{label} cannot be used, so no object can be routed: {reason}")
    found: list[RouteMatch] = []
    deliveries: dict[tuple[str, tuple[str, ...]], NewDelivery] = {}
    notes: list[str] = []
    for route in plan.routes:
        if not _takes(plan, route, instance, matches):
            continue
        found.append(RouteMatch(route=route.name, why=_why(route, instance)))
        for sink in route.sinks:
            if plan.sink_peers.get(sink, "") == instance.association.peer and not route.return_to_sender:
                notes.append(f"not returned to its sender through {sink}")
                continue
            chain = tuple(route.transforms)
            deliveries.setdefault((sink, chain), NewDelivery(sink=sink, route=route.name, chain=chain))
        if route.stop:
            break
    return Decision(matches=tuple(found), deliveries=tuple(deliveries.values()), notes=tuple(notes))


def _takes(plan: RoutingPlan, route: RouteSettings, instance: Instance, matches: Matcher) -> bool:
    if route.disabled or (route.from_ and instance.association.peer not in route.from_):
        return False
    if route.called and instance.association.called_ae.strip() not in route.called:
        return False
    for name in route.filters:
        if reason := plan.broken.get(f"filters.{name}"):
            raise TemporaryError(f"route {route.name} cannot be asked: filters.{name}: {reason}")
        if not matches(name):
            return False
    return True


def _why(route: RouteSettings, instance: Instance) -> str:
    reasons = [f"from {instance.association.peer}"] if route.from_ else []
    reasons += [f"called {instance.association.called_ae.strip()}"] if route.called else []
    reasons += route.filters
    return ", ".join(reasons) or "takes everything"
