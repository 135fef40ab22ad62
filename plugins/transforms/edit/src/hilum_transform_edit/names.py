"""How an edit names an element: a path of the SDK, in which private elements may be named by their creator.

``(0009,xx01,ACME 1.1)`` is element 01 of whatever block of group 0009 the creator ``ACME 1.1`` has
reserved in an object (PS3.5 7.8.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from hilum_sdk import ElementEditor, PermanentError
from hilum_sdk.elements.vr import dictionary_vr
from hilum_sdk.paths import EVERY_ITEM, ElementPath, name_path, parse_path

_BY_CREATOR = re.compile(r"\(([0-9A-Fa-f]{4}),[xX]{2}([0-9A-Fa-f]{2}),([^()]*)\)")
_FIRST_BLOCK, _LAST_BLOCK = 0x10, 0xFF


@attrs.frozen
class ElementName:
    """An element as the config names it.

    ``path`` has the tags; of private ones that are named by their creator, in the first block.
    ``creators`` are these creators, by the step of the path: 0 for the first tag.
    """

    text: str = attrs.field(eq=False)
    path: ElementPath
    creators: Mapping[int, str] = attrs.field(factory=dict, hash=False)

    @property
    def tag(self) -> int:
        """Of the element itself."""
        return self.path[-1]

    @property
    def vr(self) -> str:
        """By the dictionary; empty of private elements and of those that it does not know."""
        return dictionary_vr(self.tag)

    def __str__(self) -> str:
        return self.text

    def places(self, elements: ElementEditor) -> list[ElementPath]:
        """Give the paths in one object where the element is or may be; no item of a sequence, no path."""
        return list(self._places(elements, (), 0))

    def to_make(self, elements: ElementEditor) -> list[ElementPath]:
        """Give the same paths, after reserving blocks for creators that have none yet.

        Raises
        ------
        PermanentError
            All 240 blocks of a group are taken.
        """
        for step, creator in self.creators.items():
            for above in self._above(elements, step):
                _reserve(elements, above, self.path[2 * step], creator)
        return self.places(elements)

    def _above(self, elements: ElementEditor, step: int) -> list[ElementPath]:
        """The items in which the tag of a step is looked for; the object itself is the empty path."""
        if step == 0:
            return [()]
        upper = ElementName(self.text, self.path[: 2 * step - 1], self.creators)
        item = self.path[2 * step - 1]
        return [place for sequence in upper.places(elements) for place in _items(elements, sequence, item)]

    def _places(self, elements: ElementEditor, above: ElementPath, step: int) -> Iterator[ElementPath]:
        tag: int | None = self.path[2 * step]
        if step in self.creators:
            tag = _in_block(elements, above, self.path[2 * step], self.creators[step])
        if tag is None:
            return
        path = (*above, tag)
        if 2 * step + 1 == len(self.path):
            yield path
            return
        for item in _items(elements, path, self.path[2 * step + 1]):
            yield from self._places(elements, item, step + 1)


def parse_name(text: object) -> ElementName:
    """Read a name as users write it; raises ValueError."""
    if not isinstance(text, str):
        raise ValueError(f"expected the name of an element, got {text!r}")  # noqa: TRY004 - as parse_path says
    plain, creators, end = "", {}, 0
    for found in _BY_CREATOR.finditer(text):
        plain += text[end : found.start()]
        creators[plain.count(".")] = _creator(found)
        plain += f"({found[1]},10{found[2]})"
        end = found.end()
    path = parse_path(plain + text[end:])
    return ElementName(text if creators else name_path(path), path, creators)


def _creator(found: re.Match[str]) -> str:
    creator = found[3].strip()
    if not int(found[1], 16) & 1:
        raise ValueError(f"({found[1]},…) is no private group, so nobody reserves blocks of it")
    if (
        not creator
        or not creator.isascii()
        or not creator.isprintable()
        or "\\" in creator
        or len(creator) > 64
    ):
        raise ValueError("a private creator is one text in ASCII of at most 64 characters (PS3.5 7.8.1)")
    return creator


def _items(elements: ElementEditor, sequence: ElementPath, item: int) -> list[ElementPath]:
    chosen = range(elements.item_count(sequence)) if item == EVERY_ITEM else (item,)
    return [(*sequence, index) for index in chosen]


def _in_block(elements: ElementEditor, above: ElementPath, tag: int, creator: str) -> int | None:
    """The tag of a private element in the block of its creator; None if the creator has none here."""
    for block in range(_FIRST_BLOCK, _LAST_BLOCK + 1):
        if _reserved_by(elements, (*above, tag & 0xFFFF0000 | block)) == creator.encode():
            return tag & 0xFFFF00FF | block << 8
    return None


def _reserve(elements: ElementEditor, above: ElementPath, tag: int, creator: str) -> None:
    if _in_block(elements, above, tag, creator) is not None:
        return
    for block in range(_FIRST_BLOCK, _LAST_BLOCK + 1):
        place = (*above, tag & 0xFFFF0000 | block)
        if elements.get(place) is None:
            elements.put(place, "LO", creator.encode())
            return
    raise PermanentError(f"group {tag >> 16:04X} has no free block for the private creator {creator}")


def _reserved_by(elements: ElementEditor, place: ElementPath) -> bytes | None:
    found = elements.get(place)
    return found.value.strip(b" \0") if found is not None and isinstance(found.value, bytes) else None
