"""Private elements: all go, but for those that are known to be safe (PS3.15 E.3.10).

One is safe by the standard's own list, or because the object says so of its block (PS3.3 C.12.1).
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Mapping
from functools import cache

import attrs

from hilum_sdk import ElementEditor, Level, RawElement
from hilum_transform_deidentify.actions import Act, Treatment
from hilum_transform_deidentify.reading import bytes_at, letters_at
from hilum_transform_deidentify.tables import read_table

_CHARACTERISTICS = 0x00080300
_GROUP = 0x00080301
_CREATOR = 0x00080302
_STATUS = 0x00080303
_NONIDENTIFYING = 0x00080304
_ACTIONS = 0x00080305
_IDENTIFYING = 0x00080306
_ACTION = 0x00080307

_ACTS = {b"D": Act.DUMMY, b"Z": Act.EMPTY, b"X": Act.REMOVE, b"U": Act.UID}

Block = tuple[int, bytes]
"""A group and the private creator that reserved a block of it."""


@attrs.frozen
class _Claims:
    """What an object says of the elements of one block, by their number in it, 00 to FF."""

    is_safe: bool
    nonidentifying: Collection[int]
    actions: Mapping[int, Act]

    def treatment(self, number: int) -> Treatment | None:
        act = self.actions.get(number)
        if act is not None:
            return Treatment(act, "private")
        return _SAFE if self.is_safe or number in self.nonidentifying else None


class PrivateElements:
    """What becomes of the private elements of one object; without the option all of them go."""

    def __init__(self, *, is_option: bool, keeps_uids: bool) -> None:
        self._is_option = is_option
        self._keeps_uids = keeps_uids
        self._claims: Mapping[Block, _Claims] = {}

    def read(self, elements: ElementEditor, *, is_big_endian: bool) -> None:
        """Take note of what the object itself says, before anything is changed."""
        if self._is_option:
            self._claims = _Reader(elements, is_big_endian).claims()

    def kept(self, level: Level) -> Mapping[int, Treatment]:
        """What becomes of the private elements that do not go, creators included, by tag."""
        if not self._is_option:
            return {}
        elements = {one.tag: one for one in level.contents() if one.tag >> 16 & 1}
        creators = {
            tag: value for tag, element in elements.items() if (value := _creator(element)) is not None
        }
        found: dict[int, Treatment] = {}
        for tag, element in elements.items():
            creator_tag = tag & 0xFFFF0000 | tag >> 8 & 0xFF
            if creator_tag not in creators or tag & 0xFFFF < 0x1000:
                continue
            treatment = self._of((tag >> 16, creators[creator_tag]), tag & 0xFF, element)
            if treatment is not None:
                found[tag] = treatment
                found[creator_tag] = KEPT
        return found

    def _of(self, block: Block, number: int, element: RawElement) -> Treatment | None:
        vr = _safe_elements().get((*block, number))
        claims = self._claims.get(block)
        treatment = claims.treatment(number) if claims is not None else None
        if treatment is None and vr is not None:
            treatment = _SAFE
        if treatment is _SAFE and "UI" in {vr, element.vr} and not self._keeps_uids:
            return Treatment(Act.UID, "private")
        return treatment


KEPT = Treatment(Act.KEEP, "private")
_SAFE = Treatment(Act.KEEP, "private", is_option=True)


@cache
def _safe_elements() -> Mapping[tuple[int, bytes, int], str]:
    """The VRs of Table E.3.10-1, by group, creator and number in the block."""
    return {
        (int(row["group"], 16), row["private_creator"].encode(), int(row["element_in_block"], 16)): row["vr"]
        for row in read_table("safe_private")
    }


def _creator(element: RawElement) -> bytes | None:
    """The private creator that this element names, if it is one (PS3.5 7.8.1)."""
    if not 0x10 <= element.tag & 0xFFFF <= 0xFF:
        return None
    value = element.value
    return value.strip(b" \0") if isinstance(value, bytes) else None


@attrs.frozen
class _Reader:
    """Reads the values of one object, whose numbers have one byte order."""

    elements: ElementEditor
    is_big_endian: bool

    def claims(self) -> Mapping[Block, _Claims]:
        """What Private Data Element Characteristics Sequence says, by block."""
        found: dict[Block, _Claims] = {}
        for number in range(self.elements.item_count((_CHARACTERISTICS,))):
            item = (_CHARACTERISTICS, number)
            group, creator = self.numbers((*item, _GROUP)), self.text((*item, _CREATOR))
            if len(group) == 1 and creator:
                status = self.text((*item, _STATUS))
                found[group[0], creator] = _Claims(
                    is_safe=status == b"SAFE",
                    nonidentifying=set(self.numbers((*item, _NONIDENTIFYING)))
                    if status == b"MIXED"
                    else set(),
                    actions=self.actions(item),
                )
        return found

    def actions(self, item: tuple[int, ...]) -> Mapping[int, Act]:
        """What is to be done with some elements of a block, by their number in it."""
        found: dict[int, Act] = {}
        for number in range(self.elements.item_count((*item, _ACTIONS))):
            place = (*item, _ACTIONS, number)
            act = _ACTS.get(self.text((*place, _ACTION)), Act.REMOVE)
            found.update(dict.fromkeys(self.numbers((*place, _IDENTIFYING)), act))
        return found

    def text(self, path: tuple[int, ...]) -> bytes:
        """A text without padding, empty where there is none."""
        return letters_at(self.elements, path)

    def numbers(self, path: tuple[int, ...]) -> tuple[int, ...]:
        """Unsigned shorts, none where there are none."""
        value = bytes_at(self.elements, path)
        return struct.unpack(
            f"{'>' if self.is_big_endian else '<'}{len(value) // 2}H", value[: len(value) & ~1]
        )
