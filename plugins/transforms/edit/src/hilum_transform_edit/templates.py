"""Values with variables in them: ``{PatientID}``, ``{calling_ae}``, ``{received_date}``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Self

import attrs

from hilum_sdk import Instance
from hilum_sdk.config import nearest
from hilum_transform_edit.names import ElementName, parse_name

VARIABLES: Mapping[str, Callable[[Instance], str]] = {
    "calling_ae": lambda instance: instance.association.calling_ae,
    "called_ae": lambda instance: instance.association.called_ae,
    "peer": lambda instance: instance.association.peer or "",
    "user": lambda instance: instance.association.user or "",
    "received_date": lambda instance: f"{instance.received_at:%Y%m%d}",
    "received_time": lambda instance: f"{instance.received_at:%H%M%S}",
}
"""What is known of how the object came, dates and times in UTC; all else in braces is an element."""

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@attrs.frozen
class Template:
    """Literal text and variables in turn."""

    source: str
    parts: tuple[str | ElementName | Callable[[Instance], str], ...]

    @property
    def is_constant(self) -> bool:
        """Whether it is the same for all objects."""
        return all(isinstance(part, str) for part in self.parts)

    def fill(self, instance: Instance, text_of: Callable[[ElementName], str]) -> str:
        """Put in the values for one object."""
        return "".join(
            part
            if isinstance(part, str)
            else text_of(part)
            if isinstance(part, ElementName)
            else part(instance)
            for part in self.parts
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template; ``{{`` and ``}}`` stand for braces. Raises ValueError."""
        parts: list[str | ElementName | Callable[[Instance], str]] = []
        end = 0
        for found in _PART.finditer(text):
            parts.append(text[end : found.start()])
            parts.append(_part(found))
            end = found.end()
        parts.append(text[end:])
        return cls(text, tuple(part for part in parts if part != ""))


def _part(found: re.Match[str]) -> str | ElementName | Callable[[Instance], str]:
    if found[0] in ("{{", "}}"):
        return found[0][0]
    if found[1] is None:
        raise ValueError(f"a single {found[0]!r} has no partner; write {found[0] * 2!r} for one of its own")
    name = found[1].strip()
    if name in VARIABLES:
        return VARIABLES[name]
    try:
        return parse_name(name)
    except ValueError as error:
        near = nearest(name, VARIABLES)
        meant = f"did you mean {near!r}?" if near else str(error)
        raise ValueError(f"{{{name}}} is no variable; {meant}") from None
