"""What the installed distributions declare, read from their metadata: no plugin is imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import attrs
import importlib_metadata
from importlib_metadata import Distribution, EntryPoint

from hilum_core.config import KINDS, Kind
from hilum_core.registry.versions import normalized, unmet_range

PluginKind = Kind | Literal["commands"]
PLUGIN_KINDS: tuple[PluginKind, ...] = (*KINDS, "commands")
SINGULAR: Mapping[PluginKind, str] = {
    "filters": "filter",
    "transforms": "transform",
    "sinks": "sink",
    "checks": "commitment check",
    "services": "service",
    "commands": "command",
}
_SDK = "hilum-sdk"


@attrs.frozen(kw_only=True)
class Declared:
    """One component or command as a distribution declares it in its entry points.

    ``fault`` says why it cannot be used at all; ``shadowed_by`` names the same distribution earlier
    on the path; ``clashes_with`` the other distributions that have a component of this type.
    """

    kind: PluginKind
    type: str
    distribution: str
    version: str
    origin: Path
    entry_point: EntryPoint
    fault: str = ""
    shadowed_by: str = ""
    clashes_with: tuple[str, ...] = ()

    @property
    def blame(self) -> str:
        """Who answers for it: ``acme-tools 1.0``."""
        return f"{self.distribution} {self.version}"

    @property
    def full_type(self) -> str:
        """The type as it is written where another distribution has it too: ``acme-tools:drop``."""
        return f"{self.distribution}:{self.type}"


@attrs.frozen(kw_only=True)
class Declarations:
    """All that is declared, in the order of the path; ``unreadable`` are those that nobody can read."""

    declared: tuple[Declared, ...]
    unreadable: tuple[str, ...]


def read_declarations() -> Declarations:
    """Read the metadata of every distribution on the path."""
    first: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    found: list[Declared] = []
    unreadable: list[str] = []
    sdk_version = importlib_metadata.version(_SDK)
    for distribution in Distribution.discover():
        try:
            name = normalized(distribution.name)
            place = (name, str(Path(str(distribution.locate_file(""))).resolve()))
            if place in seen:  # a folder may be on the path twice
                continue
            seen.add(place)
            earlier = first.setdefault(name, distribution)
            shadowed_by = "" if earlier is distribution else f"{earlier.version} in {_origin(earlier)}"
            found += _declared_by(distribution, sdk_version, shadowed_by)
        except Exception:  # noqa: BLE001 - whatever is wrong with its files, the others are read
            unreadable.append(_file_name(distribution))
    return Declarations(declared=tuple(_with_clashes(found)), unreadable=tuple(unreadable))


def _declared_by(distribution: Distribution, sdk_version: str, shadowed_by: str) -> Iterator[Declared]:
    entry_points = [entry for entry in distribution.entry_points if _kind(entry) is not None]
    if not entry_points:
        return
    wanted = unmet_range(distribution.requires or (), _SDK, sdk_version)
    fault = f"needs {_SDK} {wanted} but {sdk_version} is installed" if wanted else ""
    twice = Counter((entry.group, entry.name) for entry in entry_points)
    for entry in entry_points:
        kind = _kind(entry)
        assert kind is not None
        is_twice = twice[entry.group, entry.name] > 1
        yield Declared(
            kind=kind,
            type=entry.name,
            distribution=distribution.name,
            version=distribution.version,
            origin=_origin(distribution),
            entry_point=entry,
            fault=fault or (f"declares {entry.name!r} twice in {entry.group}" if is_twice else ""),
            shadowed_by=shadowed_by,
        )


def _kind(entry: EntryPoint) -> PluginKind | None:
    return next((kind for kind in PLUGIN_KINDS if entry.group == f"hilum.{kind}"), None)


def _origin(distribution: Distribution) -> Path:
    return Path(str(distribution.locate_file("")))


def _file_name(distribution: Distribution) -> str:
    # Only the path is left to tell it by, and there is no public name for it.
    return Path(str(getattr(distribution, "_path", "a distribution"))).name


def _with_clashes(found: Iterable[Declared]) -> Iterator[Declared]:
    by_type: dict[tuple[str, str], dict[str, str]] = {}
    found = list(found)
    for declared in found:
        if not declared.shadowed_by:
            owners = by_type.setdefault((declared.kind, declared.type), {})
            owners[declared.distribution] = declared.blame
    for declared in found:
        owners = by_type.get((declared.kind, declared.type), {})
        others = tuple(blame for name, blame in owners.items() if name != declared.distribution)
        yield attrs.evolve(declared, clashes_with=() if declared.shadowed_by else others)
