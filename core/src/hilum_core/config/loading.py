"""A config text into settings. Reception is read on its own, so that nothing else can stop it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import tomli

from hilum_core.config.flow import Config, Flow, FlowReader
from hilum_core.config.reception import Reception, read_reception
from hilum_core.config.router import RouterSettings
from hilum_sdk.config import ConfigProblem, ConfigProblems, join_path, path_to

_DEEPEST = 64
_TOO_DEEP = "tables or arrays are nested too deeply"


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
        """Sort problems as their places follow in the file; what is missing comes first in its table."""
        places = {path: index for index, path in enumerate(_paths(self.document))}

        def place(problem: ConfigProblem) -> int:
            around = [path for path in places if _is_within(problem.path, path)]
            return places[max(around, key=len)] if around else -1

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
    router, peers, problems = read_reception(_read_toml(text, source))
    if router is None:
        raise ConfigProblems(problems)
    return Reception(router=router, peers=peers)


def examine(text: str, *, source: str) -> Examined:
    """Read as much of a config as can be read. Raises `ConfigProblems` if it is not TOML."""
    document = _read_toml(text, source)
    router, peers, problems = read_reception(document)
    tables = document.get("peers")
    peer_names = frozenset(tables) if isinstance(tables, Mapping) else frozenset()
    reader = FlowReader(document)
    flow = reader.read(peers, peer_names, router.called_aes if router else None)
    return Examined(
        document=document,
        router=router,
        flow=flow,
        peer_names=peer_names,
        problems=(*problems, *reader.problems),
    )


def _paths(value: object, path: str = "") -> Iterator[str]:
    """Every path of a document, in its order."""
    yield path
    items = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in items:
        yield from _paths(item, join_path(path, path_to(key)))


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _read_toml(text: str, source: str) -> Mapping[str, Any]:
    try:
        document = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        reason = str(error)
    except RecursionError:
        reason = _TOO_DEEP
    else:
        if not _is_too_deep(document):
            return document
        reason = _TOO_DEEP
    raise ConfigProblems([ConfigProblem(source, f"cannot be read as TOML: {reason}")])


def _is_too_deep(document: object) -> bool:
    """Whether what reads the document level by level would run out of stack."""
    level: list[Any] = [document]
    for _ in range(_DEEPEST):
        tables = (value.values() if isinstance(value, Mapping) else value for value in level)
        level = [inner for table in tables for inner in table if isinstance(inner, Mapping | list)]
        if not level:
            return False
    return True
