"""``replace`` and ``prefix``: the texts of elements that are there become others."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
import regex

from hilum_sdk import PermanentError
from hilum_transform_edit.edits import Edits, ElementEdit, table_of
from hilum_transform_edit.forbidden import refuse_setting
from hilum_transform_edit.names import ElementName, parse_name
from hilum_transform_edit.scene import Scene
from hilum_transform_edit.templates import Template

_MOST_SECONDS = 1.0


@attrs.frozen
class Replacement(ElementEdit):
    """An element, a pattern, and what stands for what it finds."""

    name: ElementName
    pattern: regex.Pattern[str]
    by: str

    def change(self, scene: Scene, seen: None) -> int:  # noqa: ARG002 - as of Edit
        """Replace in every value that is there."""
        return scene.rewrite(self.name, self._replaced)

    def _replaced(self, value: str) -> str:
        try:
            return self.pattern.sub(self.by, value, timeout=_MOST_SECONDS)
        except TimeoutError:
            text = f"the pattern takes longer than {_MOST_SECONDS:g} s with this value; simplify it"
            raise PermanentError(text) from None


@attrs.frozen
class Replacements(Edits):
    """All elements to replace in."""

    config_words: ClassVar[str] = "a table of patterns by element"

    @classmethod
    def one(cls, key: str, raw: Any) -> Replacement:
        """Read one element and its pattern."""
        name = _rewritable(key)
        table = table_of(raw, ("pattern", "with"), short="pattern")
        pattern, by = table["pattern"], table.get("with", "")
        if not isinstance(pattern, str) or not isinstance(by, str) or not pattern:
            raise ValueError("pattern and with are texts, and pattern is not empty")
        try:
            compiled = regex.compile(pattern)
            regex.sub(f"(?:{pattern})|", by, "")  # what always matches: so `with` is tried, too
        except (regex.error, IndexError) as error:
            raise ValueError(f"pattern {pattern!r} with {by!r}: {error}") from None
        return Replacement(name, compiled, by)


@attrs.frozen
class Prefix(ElementEdit):
    """An element, and what is put before each of its values."""

    name: ElementName
    prefix: Template

    def look(self, scene: Scene) -> str:
        """Fill in the variables."""
        return scene.fill(self.prefix)

    def change(self, scene: Scene, seen: str) -> int:
        """Put it before every value that is there; an empty one stays empty."""
        return scene.rewrite(self.name, lambda value: seen + value)


@attrs.frozen
class Prefixes(Edits):
    """All elements that get a prefix."""

    config_words: ClassVar[str] = "a table of texts by element"

    @classmethod
    def one(cls, key: str, raw: Any) -> Prefix:
        """Read one element and its prefix."""
        if not isinstance(raw, str) or not raw:
            raise ValueError(f"expected the text to put before its values, got {raw!r}")
        return Prefix(_rewritable(key), Template.parse(raw))


def _rewritable(key: str) -> ElementName:
    name = parse_name(key)
    refuse_setting(name.path, to_the_same=False)
    if name.vr == "SQ":
        raise ValueError(f"{name} is a sequence; name elements of its items")
    return name
