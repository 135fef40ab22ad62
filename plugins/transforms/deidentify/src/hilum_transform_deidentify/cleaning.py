"""The walk through one object, level by level, in which each element gets what the profile says."""

from __future__ import annotations

from collections import Counter

import attrs

from hilum_sdk import ElementEditor, Fate, Level, RawElement
from hilum_sdk.elements import dictionary_vr
from hilum_transform_deidentify.actions import Act, Treatment
from hilum_transform_deidentify.dummies import dummy_item, dummy_value
from hilum_transform_deidentify.identity import UidMap, capped, shifted
from hilum_transform_deidentify.private import PrivateElements
from hilum_transform_deidentify.profile import Treatments
from hilum_transform_deidentify.structured import ContentRules

_GOES_DOWN = frozenset({Act.CLEAN, Act.UID})
_WORDS = {Act.UID: "replaced", Act.CODE: "replaced", Act.CAP: "cleaned"}


@attrs.frozen(kw_only=True)
class Identity:
    """What stands for the identities of one object: new UIDs, the subject's code and shift in days."""

    uids: UidMap
    code: str
    days: int


class Cleaning:
    """Deals with one object.

    Attributes
    ----------
    counts
        How many elements were dealt with, by ``"<action> <class>"``.
    """

    def __init__(
        self,
        treatments: Treatments,
        identity: Identity,
        *,
        private: PrivateElements,
        content: ContentRules | None = None,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._treatments = treatments
        self._identity = identity
        self._private = private
        self._content = content

    def clean(self, elements: ElementEditor, *, is_big_endian: bool) -> None:
        """Deal with every element at every depth."""
        self._private.read(elements, is_big_endian=is_big_endian)
        if self._content is not None:
            self._content.read(elements)
        for level in elements.levels():
            if self._content is not None and self._content.condemns(level):
                level.remove()
                self._count(Act.REMOVE, "contents")
                continue
            self._clean_level(level)

    def _clean_level(self, level: Level) -> None:
        treatments = self._treatments
        sequence = level.sequence
        base = sequence.tag << 32 if sequence is not None else 0
        kept_here = self._content.kept(level) if self._content is not None else frozenset()
        private_here = self._private.kept(level)
        emptied: list[int] = []

        def decide(element: RawElement) -> Fate | bytes:
            tag = element.tag
            treatment = treatments[base | tag]
            act = treatment.act
            if act is Act.PRIVATE:
                treatment = private_here.get(tag, _PRIVATE_GOES)
            elif act is Act.BY_VR:
                treatment = treatments.of_vr(element.vr)
            elif tag in kept_here or (act is Act.KEEP and not treatment.is_option):
                return Fate.KEEP
            elif act is Act.DUMMY and element.is_sequence and level.elements.item_count((tag,)):
                emptied.append(tag)
            return self._fate(element, treatment)

        level.rewrite(decide)
        for tag in emptied:
            for path, vr, value in dummy_item(tag):
                level.elements.put((tag, 0, *path), vr, value)

    def _fate(self, element: RawElement, treatment: Treatment) -> Fate | bytes:
        """What becomes of an element, counted."""
        act = treatment.act
        # What is below a sequence gets its own treatment.
        is_kept = act is Act.KEEP or (act in _GOES_DOWN and element.is_sequence)
        new_value = None if is_kept else self._new_value(element, act)
        if act is Act.SHIFT and new_value is None:
            return self._fate(element, attrs.evolve(treatment, act=treatment.otherwise))
        if is_kept:
            if treatment.is_option:
                self._count(act, treatment.element_class)
            return Fate.KEEP
        self._count(Act.REMOVE if new_value is None else act, treatment.element_class)
        return Fate.REMOVE if new_value is None else new_value

    def _new_value(self, element: RawElement, act: Act) -> bytes | None:
        """The new value; None where it goes, or none can be made of the old one."""
        if act is Act.REMOVE:
            return None
        if act is Act.EMPTY or (act is Act.DUMMY and element.is_sequence):
            return b""
        value = element.value
        if act is Act.DUMMY:
            return b"" if value == b"" else self._dummy(_vr_of(element), element)
        return self._made_of(value, element, act) if isinstance(value, bytes) else None

    def _made_of(self, value: bytes, element: RawElement, act: Act) -> bytes | None:
        match act:
            case Act.CODE:
                return self._identity.code.encode()
            case Act.UID:
                return self._identity.uids.replaced(value)
            case Act.SHIFT:
                return shifted(_vr_of(element), value, self._identity.days)
            case Act.CAP:
                return capped(value)
        return None

    def _dummy(self, vr: str, element: RawElement) -> bytes:
        value = element.value
        if vr == "UI" and isinstance(value, bytes):
            return self._identity.uids.replaced(value)
        return dummy_value(vr, element.tag)

    def _count(self, act: Act, element_class: str) -> None:
        self.counts[f"{_WORDS.get(act, act.value)} {element_class}"] += 1


_PRIVATE_GOES = Treatment(Act.REMOVE, "private")


def _vr_of(element: RawElement) -> str:
    """The VR, of the dictionary where the header has none."""
    vr = element.vr
    return dictionary_vr(element.tag) or vr if vr == "UN" else vr
