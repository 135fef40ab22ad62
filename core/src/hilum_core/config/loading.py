"""A config text into settings. Reception is read on its own, so that nothing else can stop it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
import tomli

from hilum_core.config.flow import Config, Flow, FlowReader
from hilum_core.config.reception import PeerSettings, Reception, RouterSettings, read_peers, read_router
from hilum_sdk.config import ConfigProblem, ConfigProblems, path_to


@attrs.frozen(kw_only=True)
class Examined:
    """A config text as far as it can be read. ``router`` is None where `[router]` or `[peers]` is at fault.

    ``peer_names`` are those of the document, of peers at fault too.
    """

    document: Mapping[str, Any]
    router: RouterSettings | None
    flow: Flow
    peer_names: frozenset[str]
    problems: tuple[ConfigProblem, ...]

    def config(self) -> Config:
        """Give the config. Raises `ConfigProblems`, with all of them, where reception could not work."""
        if self.router is None:
            raise ConfigProblems(self.in_file_order(self.problems))
        parts = {field.name: getattr(self.flow, field.name) for field in attrs.fields(Flow)}
        return Config(router=self.router, **parts)

    def in_file_order(self, problems: Iterable[ConfigProblem]) -> tuple[ConfigProblem, ...]:
        """Sort problems as the tables stand in the file."""
        places: list[str] = []
        for top, tables in self.document.items():
            names = range(len(tables)) if isinstance(tables, list) else tables
            places += [path_to(top, name) for name in names] if isinstance(tables, Mapping | list) else []
            places.append(path_to(top))

        def place(problem: ConfigProblem) -> int:
            starts = (
                index
                for index, path in enumerate(places)
                if problem.path == path or problem.path.startswith((f"{path}.", f"{path}["))
            )
            return next(starts, -1)

        return tuple(sorted(problems, key=place))


def load(text: str, *, source: str) -> tuple[Config, tuple[ConfigProblem, ...]]:
    """Read a whole config; whether its components exist and like their settings is the registry's to say.

    Returns
    -------
    The config without its faulty parts, and all problems.

    Raises
    ------
    ConfigProblems
        The text is not TOML, or `[router]` or `[peers]` is at fault; all problems of the text.
    """
    examined = examine(text, source=source)
    return examined.config(), examined.in_file_order(examined.problems)


def load_reception(text: str, *, source: str) -> Reception:
    """Read `[router]` and `[peers]`, and look at nothing else.

    Raises
    ------
    ConfigProblems
        The text is not TOML, or one of the two is at fault.
    """
    router, peers, problems = _reception(_read_toml(text, source))
    if router is None:
        raise ConfigProblems(problems)
    return Reception(router=router, peers=peers)


def examine(text: str, *, source: str) -> Examined:
    """Read as much of a config as can be read. Raises `ConfigProblems` if it is not TOML."""
    document = _read_toml(text, source)
    router, peers, problems = _reception(document)
    tables = document.get("peers")
    peer_names = frozenset(tables) if isinstance(tables, Mapping) else frozenset()
    reader = FlowReader(document)
    flow = reader.read(peers, peer_names)
    return Examined(
        document=document,
        router=router,
        flow=flow,
        peer_names=peer_names,
        problems=(*problems, *reader.problems),
    )


def _reception(
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
    return router, peers, problems


def _read_toml(text: str, source: str) -> Mapping[str, Any]:
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        reason = str(error)
    except RecursionError:
        reason = "tables or arrays are nested too deeply"
    raise ConfigProblems([ConfigProblem(source, f"cannot be read as TOML: {reason}")])
