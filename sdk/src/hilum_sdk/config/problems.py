"""Faults of a config: where each is and what is wrong, gathered so that one report holds them all."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping

import attrs

from hilum_sdk.errors import ConfigError

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MOST_SHOWN = 60
_MOST_LISTED = 20


@attrs.frozen
class ConfigProblem:
    """One fault of a config.

    ``path`` is where it stands, as TOML writes it (``sinks.pacs.port``, ``routes[0].sinks[1]``);
    ``text`` says what is wrong and what to do; ``origin`` whose setting it is: the component's type,
    distribution and version, where they are known.
    """

    path: str
    text: str
    origin: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text

    def under(self, *keys: str | int) -> ConfigProblem:
        """Give the same problem, seen from further up: `keys` lead to where its path begins."""
        return self.within(path_to(*keys))

    def within(self, path: str) -> ConfigProblem:
        """Give the same problem of a table that stands at `path`."""
        return attrs.evolve(self, path=join_path(path, self.path))


class ConfigProblems(ConfigError):  # noqa: N818 - it holds faults, it is not one
    """A config has faults, all of them in ``problems``.

    ``str()`` quotes values of the config, as a report does; ``message``, which may be logged, names
    the places only.
    """

    def __init__(self, problems: Iterable[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        places = ", ".join(dict.fromkeys(problem.path or "the whole table" for problem in self.problems))
        super().__init__(f"the config is faulty at {places}; `hilum check` says how")

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))

    def under(self, *keys: str | int) -> tuple[ConfigProblem, ...]:
        """Give its problems, seen from further up."""
        return tuple(problem.under(*keys) for problem in self.problems)


def join_path(*parts: str) -> str:
    """Join pieces of paths: ``join_path("routes", "[0]", "sinks")`` is ``routes[0].sinks``."""
    path = ""
    for part in filter(None, parts):
        path += part if not path or part.startswith("[") else "." + part
    return path


def path_to(*keys: str | int) -> str:
    """Write where keys and indexes lead to: ``path_to("routes", 0, "a b")`` is ``routes[0]."a b"``."""
    return join_path(*map(_segment, keys))


def _segment(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return key if _BARE_KEY.fullmatch(key) else quoted(key)


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Find the name that was probably meant, if one is near enough."""
    by_folded = {candidate.casefold(): candidate for candidate in names}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.7)
    return by_folded[found[0]] if found else None


def unknown_name(what: str, name: str, names: Iterable[str]) -> str:
    """Say that nothing has this name, and what has: ``no sink is called 'x'; there are: a, b``."""
    known = sorted(names)
    more = f" and {len(known) - _MOST_LISTED} more" if len(known) > _MOST_LISTED else ""
    listed = f"there are: {', '.join(known[:_MOST_LISTED])}{more}" if known else "there are none"
    near = nearest(name, known)
    meant = f"did you mean {near!r}? " if near else ""
    return f"no {what} is called {name!r}; {meant}{listed}"


def quoted(text: str) -> str:
    """Write a string as TOML does."""
    # TOML 1.0 wants DELETE escaped too, JSON does not.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def scalar_text(value: object) -> str:
    """Write a value that is neither table nor array as TOML does."""
    if isinstance(value, str):
        return quoted(value)
    return str(value).lower() if isinstance(value, bool | float) else str(value)


def shown(value: object) -> str:
    """Show what stands in the config: scalars as TOML writes them, of tables and arrays no content.

    A table may hold what is secret, so it is only called a table.
    """
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "an array"
    text = scalar_text(value)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"
