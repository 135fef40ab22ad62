"""What an edit is: it looks at the object as it came, and later, in its turn, changes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, Self, TypeVar

import attrs

from hilum_sdk.config import ConfigProblem, ConfigProblems, nearest
from hilum_transform_edit.names import ElementName
from hilum_transform_edit.scene import Scene

T = TypeVar("T")


class Edit(ABC):
    """One line of the config. ``name`` is what it changes."""

    name: ElementName | str

    def look(self, scene: Scene) -> Any:  # noqa: ARG002 - for subclasses to use
        """See what the object says before anything is changed; the answer is handed to `change`."""
        return None

    @abstractmethod
    def change(self, scene: Scene, seen: Any) -> int:
        """Change the object; give how many elements are others now.

        Raises
        ------
        PermanentError
            The object cannot take the change.
        HeldError
            A person has to look at it.
        """


class ElementEdit(Edit):
    """One that changes one element."""

    name: ElementName


@attrs.frozen
class Edits(ABC):
    """The edits of one key of the config: a table by the names of elements."""

    config_words: ClassVar[str] = "a table by element"
    all: tuple[ElementEdit, ...]

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read the table."""
        if not isinstance(value, Mapping):
            raise TypeError
        made = gather((key, partial(cls.one, key, raw)) for key, raw in value.items())
        refuse_doubles(edit.name for edit in made)
        return cls(tuple(sorted(made, key=lambda edit: (edit.name.path, edit.name.text))))

    @classmethod
    @abstractmethod
    def one(cls, key: str, raw: Any) -> ElementEdit:
        """Read one line; raises ValueError."""


def table_of(raw: Any, keys: Iterable[str], *, short: str) -> Mapping[str, Any]:
    """Read the table of one edit; what is no table stands for its key `short`. Raises ValueError."""
    known = tuple(keys)
    table = raw if isinstance(raw, Mapping) else {short: raw}
    for key in table:
        if key not in known:
            near = nearest(key, known)
            meant = f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
            raise ValueError(f"unknown key {key!r}; {meant}")
    if short not in table:
        raise ValueError(f"has no {short}; write {{ {', '.join(known)} }}")
    return table


def refuse_doubles(names: Iterable[ElementName]) -> None:
    """Raise ValueError if an element is named twice."""
    seen: list[ElementName] = []
    for name in names:
        if name in seen:
            raise ValueError(f"{name} stands there twice")
        seen.append(name)


def gather(parts: Iterable[tuple[str | int, Callable[[], T]]]) -> list[T]:
    """Make every part, and raise all their faults together."""
    made: list[T] = []
    problems: list[ConfigProblem] = []
    for key, make in parts:
        try:
            made.append(make())
        except ValueError as error:
            problems.append(ConfigProblem("", str(error)).under(key))
    if problems:
        raise ConfigProblems(problems)
    return made
