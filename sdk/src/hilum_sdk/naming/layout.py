"""The template of names: read and checked with the config, filled in for each object."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import attrs
from pydicom.dataset import Dataset

from hilum_sdk.config import ConfigProblem, ConfigProblems
from hilum_sdk.elements.errors import ElementsError
from hilum_sdk.elements.vr import dictionary_vr
from hilum_sdk.naming.names import safe_name
from hilum_sdk.paths import name_tag, parse_path
from hilum_sdk.values import values_at

if TYPE_CHECKING:
    from hilum_sdk.views import Item

_FIELD = re.compile(r"\{([^{}]*)\}")
_SPEC = re.compile(r"(?:0(?P<digits>[1-9]))?(?:\.(?P<most>[1-9][0-9]{0,2}))?")
_SOP_INSTANCE_UID = 0x00080018
_NO_NAMES = frozenset({"SQ", "OB", "OW", "OB or OW", "OD", "OF", "OL", "OV", "UN", "LT", "ST", "UT", "UR"})


@attrs.frozen
class Field:
    """An element whose value stands in a name, with at least so many digits, at most so many characters."""

    tag: int
    digits: int = 0
    most: int | None = None

    def text(self, header: Dataset) -> str:
        """Give the text of the first value; empty where the object has none."""
        values = values_at(header, (self.tag,))
        text = values[0].text if values else ""
        if text.isascii() and text.isdigit():
            text = text.zfill(self.digits)
        return text[: self.most].strip()


@attrs.frozen
class Component:
    """One name of a path: literal text and fields in turn."""

    parts: tuple[str | Field, ...]

    def name(self, text_of: Callable[[Field], str]) -> str:
        """Fill it in. What stands literally at its end, such as the extension, is kept whole."""
        *front, last = self.parts
        ending = last if isinstance(last, str) and front else ""
        parts = front if ending else self.parts
        return safe_name("".join(p if isinstance(p, str) else text_of(p) for p in parts), ending=ending)


@attrs.frozen(kw_only=True)
class Place:
    """The names that lead to an object; ``warning`` is what an operator should know of them."""

    names: tuple[str, ...]
    warning: str | None = None


@attrs.frozen
class Layout:
    """Where below a folder, a bucket or the like an object goes: the type of a config field."""

    config_words: ClassVar[str] = "a template such as {PatientID}/{SOPInstanceUID}.dcm"
    source: str
    components: tuple[Component, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a template.

        Raises
        ------
        ConfigProblems
            All that is wrong with it.
        """
        if text.startswith("/"):
            raise ConfigProblems(
                [ConfigProblem("", "names what is below the destination, so it does not begin with '/'")]
            )
        components = []
        problems: list[str] = []
        for part in text.split("/"):
            try:
                components.append(_component(part))
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ConfigProblems(ConfigProblem("", problem) for problem in problems)
        return cls(text, tuple(components))

    @classmethod
    def from_config(cls, value: Any) -> Self:
        """Read the template that stands in the config."""
        if not isinstance(value, str):
            raise TypeError
        return cls.parse(value)

    def place(self, item: Item, *, missing: str) -> Place:
        """Name the place of what leaves; what cannot be read has no values, and a place all the same."""
        header, warning = Dataset(), None
        try:
            header = item.header
        except ElementsError:
            warning = "its elements cannot be read; named as if all were missing"
        names = self.names(header, sop_instance_uid=item.sop_instance_uid, missing=missing)
        return Place(names=names, warning=warning)

    def names(self, header: Dataset, *, sop_instance_uid: str, missing: str) -> tuple[str, ...]:
        """Name the folders and the file of an object; `missing` stands for values that it does not have."""

        def text_of(field: Field) -> str:
            text = sop_instance_uid if field.tag == _SOP_INSTANCE_UID else field.text(header)
            return text or missing

        return tuple(component.name(text_of) for component in self.components)

    def __str__(self) -> str:
        return self.source


def _component(text: str) -> Component:
    if not text:
        raise ValueError("has an empty name: two '/' in a row, or one at the end")
    pieces = _FIELD.split(text)
    literals, fields = pieces[::2], pieces[1::2]
    for literal in literals:
        if "{" in literal or "}" in literal:
            raise ValueError(f"{text!r} has a brace without its partner; a field is written {{PatientID}}")
        if literal and (not literal.isprintable() or set(literal) & set('\\:*?"<>|')):
            raise ValueError(f"{literal!r} has characters that no file name should have")
    if not fields and safe_name(text) != text:
        raise ValueError(f"{text!r} is no name for a folder")
    parts: list[str | Field] = []
    for literal, field in zip(literals, [*map(_field, fields), None], strict=True):
        parts += [literal] if literal else []
        parts += [field] if field else []
    if isinstance(parts[-1], str) and parts[-1][-1] in ". ":
        raise ValueError(f"{text!r} ends in a dot or space, which Windows drops")
    return Component(tuple(parts))


def _field(text: str) -> Field:
    name, _, spec = text.partition(":")
    if "." in name or "[" in name:
        raise ValueError(f"{{{text}}}: only elements of the top level can stand in a name")
    path = parse_path(name)
    tag = path[0]
    vr = dictionary_vr(tag)
    if vr in _NO_NAMES or tag >> 16 == 2:
        raise ValueError(f"{name_tag(tag)} cannot stand in a name")
    form = _SPEC.fullmatch(spec)
    if form is None:
        raise ValueError(
            f"{{{text}}}: after ':' comes 0 with a number of digits (:04), or a most length (:.40)"
        )
    digits, most = form["digits"], form["most"]
    return Field(tag, int(digits or 0), int(most) if most else None)
