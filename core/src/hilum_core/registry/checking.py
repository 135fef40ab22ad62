"""The whole examination of a config text, the same for `hilum check`, a reload and every start."""

from __future__ import annotations

from collections.abc import Collection

from hilum_core.config import Config, examine
from hilum_core.registry.composing import Composition
from hilum_core.registry.registry import Registry
from hilum_sdk.config import ConfigProblem, ConfigProblems


def check(
    text: str, source: str, *, registry: Registry | None = None, only: Collection[str] | None = None
) -> tuple[Config, Composition, tuple[ConfigProblem, ...]]:
    """Read a config and bring it together with the installed plugins.

    Parameters
    ----------
    only
        Kinds and labels of the components whose plugins are imported, see `Registry.compose`; None: all.

    Returns
    -------
    The config without its faulty parts, its components, and every problem of the whole text, except of
    plugins that were not asked for, in the order of the text.

    Raises
    ------
    ConfigProblems
        The text is not TOML, or `[router]` or `[peers]` is at fault: every problem, all the same.
    """
    examined = examine(text, source=source)
    registry = registry or Registry.discover()
    composition = registry.compose(examined.flow, peer_names=examined.peer_names, only=only)
    problems = examined.in_file_order([*examined.problems, *composition.problems])
    try:
        return examined.config(), composition, problems
    except ConfigProblems:
        raise ConfigProblems(problems) from None
