"""`[[routes]]`: which objects go where, by names of peers and components that must exist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import attrs

from hilum_core.config.components import Kind
from hilum_sdk import PeerName
from hilum_sdk.config import (
    ConfigProblem,
    ConfigProblems,
    about,
    not_empty,
    structure,
    unknown_name,
)


def _each_once(instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:  # noqa: ARG001 - attrs' signature
    twice = [
        ConfigProblem("", "is in the list twice").under(i) for i, x in enumerate(value) if x in value[:i]
    ]
    if twice:
        raise ConfigProblems(twice)


@attrs.frozen(kw_only=True)
class RouteSettings:
    """One route. Routes are asked in their order; every one that matches takes the object."""

    name: str = attrs.field(
        validator=not_empty, metadata=about("Its name, which no other route has.", example='"clinical"')
    )
    from_: tuple[PeerName, ...] = attrs.field(
        default=(),
        validator=_each_once,
        metadata=about("The peers whose objects it takes; empty: all.", key="from", example='["ct1"]'),
    )
    called: tuple[str, ...] = attrs.field(
        default=(),
        validator=_each_once,
        metadata=about(
            "The AE titles of the router under which its objects come in; empty: all. So tests and "
            "production stay apart.",
            example='["HILUM_TEST"]',
        ),
    )
    filters: tuple[str, ...] = attrs.field(
        default=(), validator=_each_once, metadata=about("The filters that must all match.")
    )
    transforms: tuple[str, ...] = attrs.field(
        default=(), validator=_each_once, metadata=about("The transforms to apply, in this order.")
    )
    sinks: tuple[str, ...] = attrs.field(
        validator=[not_empty, _each_once], metadata=about("Where the objects go.", example='["pacs"]')
    )
    stop: bool = attrs.field(
        default=False, metadata=about("Whether no later route sees an object that this one takes.")
    )
    return_to_sender: bool = attrs.field(
        default=False, metadata=about("Whether an object may go back to the peer it came from.")
    )
    disabled: bool = attrs.field(default=False, metadata=about("Whether the route is passed over."))
    description: str = attrs.field(default="", metadata=about("What it is for."))


def read_route(
    index: int,
    table: Any,
    *,
    components: Mapping[Kind, Mapping[str, Any]],
    peers: Collection[str],
    called_aes: Collection[str] | None = None,
) -> RouteSettings:
    """Read one route; `components` are the tables of the config by kind and name.

    `called_aes` are the AE titles of the router, None where they are not known.

    Raises
    ------
    ConfigProblems
        All its faults, names that nothing has included.
    """
    where = f"routes[{index}]"
    try:
        route = structure(table, RouteSettings, peers=peers, where=where)
    except ConfigProblems as error:
        # The names are looked up all the same, as far as the table can be read.
        lost = _lost_names(where, table, components) if isinstance(table, Mapping) else ()
        raise ConfigProblems([*error.problems, *lost]) from None
    problems = [
        *_not_ours(where, route, called_aes),
        *_lost_names(where, table, components),
        *_disabled_steps(where, route, components),
    ]
    if problems:
        raise ConfigProblems(problems)
    return route


def _not_ours(
    where: str, route: RouteSettings, called_aes: Collection[str] | None
) -> Iterator[ConfigProblem]:
    if called_aes is None:
        return
    for index, title in enumerate(route.called):
        if title not in called_aes:
            text = unknown_name("AE title of the router", title, called_aes)
            yield ConfigProblem(f"{where}.called[{index}]", text)


def _lost_names(
    where: str, table: Mapping[str, Any], components: Mapping[Kind, Mapping[str, Any]]
) -> Iterator[ConfigProblem]:
    kinds: Sequence[tuple[Kind, str]] = (
        ("filters", "filter"),
        ("transforms", "transform"),
        ("sinks", "sink"),
    )
    for kind, word in kinds:
        names = table.get(kind)
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and name not in components[kind]:
                yield ConfigProblem(f"{where}.{kind}[{index}]", unknown_name(word, name, components[kind]))


def _disabled_steps(
    where: str, route: RouteSettings, components: Mapping[Kind, Mapping[str, Any]]
) -> Iterator[ConfigProblem]:
    """Refuse to pass over a filter or transform in silence: more would leave than was meant to."""
    steps: Sequence[tuple[Kind, tuple[str, ...]]] = (
        ("filters", route.filters),
        ("transforms", route.transforms),
    )
    for kind, names in steps:
        for index, name in enumerate(names):
            table = components[kind].get(name)  # a name that nothing has is told by `_lost_names`
            if not route.disabled and isinstance(table, Mapping) and table.get("disabled") is True:
                yield ConfigProblem(
                    f"{where}.{kind}[{index}]",
                    f"{kind}.{name} is disabled; take it out of the route, or disable the route",
                )


def same_names(tables: Sequence[Any]) -> Mapping[int, ConfigProblem]:
    """Find the tables, by index, that give the name of an earlier one, whatever else is wrong with either."""
    first: dict[str, int] = {}
    found: dict[int, ConfigProblem] = {}
    for index, table in enumerate(tables):
        name = table.get("name") if isinstance(table, Mapping) else None
        if not isinstance(name, str):
            continue
        other = first.setdefault(name, index)
        if other != index:
            text = f"routes[{other}] has the name {name!r} already; give each route its own"
            found[index] = ConfigProblem(f"routes[{index}].name", text)
    return found
