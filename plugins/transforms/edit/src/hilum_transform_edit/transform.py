"""The transform: removes, then sets, on raw elements. What it does not name keeps its bytes."""

from __future__ import annotations

from hilum_sdk import ComponentContext, Draft, ElementEditor, PermanentError, Transform
from hilum_sdk.elements.encoding import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from hilum_sdk.elements.vr import pad
from hilum_sdk.paths import ElementPath, name_path
from hilum_transform_edit.config import EditConfig
from hilum_transform_edit.edits import Assignment
from hilum_transform_edit.places import count_items, places

_SPECIFIC_CHARACTER_SET = 0x00080005


class EditTransform(Transform):
    """Applies the edits of its config, the same to every object: so a retry gives the same bytes."""

    config: EditConfig

    def __init__(self, config: EditConfig, context: ComponentContext) -> None:
        super().__init__(config, context)
        self._assignments = config.assignments.all if config.assignments else ()
        self._removals = config.removals.paths if config.removals else ()
        self._groups = config.removals.groups if config.removals else frozenset()

    def apply(self, draft: Draft) -> None:
        """Change the draft; raises PermanentError where the object cannot take a value."""
        removed = self._remove_groups(draft.elements) + self._remove_elements(draft.elements)
        if removed:
            draft.note("removed", count=removed)
        assigned = self._assign(draft)
        if assigned:
            draft.note("set", count=assigned)

    def _remove_groups(self, elements: ElementEditor) -> int:
        if not self._groups and not self.config.remove_private:
            return 0
        removed = 0
        for path, element in elements.walk():
            group = element.tag >> 16
            if group in self._groups or (self.config.remove_private and group & 1):
                elements.remove(path)
                removed += 1
        return removed

    def _remove_elements(self, elements: ElementEditor) -> int:
        counts = count_items(elements, self._removals)
        doomed = [place for path in self._removals for place in places(path, counts)]
        there = [place for place in doomed if elements.get(place) is not None]
        for place in there:
            elements.remove(place)
        return len(there)

    def _assign(self, draft: Draft) -> int:
        counts = count_items(draft.elements, [assignment.path for assignment in self._assignments])
        return sum(
            self._set(draft, assignment, place)
            for assignment in self._assignments
            for place in places(assignment.path, counts)
        )

    def _set(self, draft: Draft, assignment: Assignment, place: ElementPath) -> bool:
        """Set one element; False if it had that value already."""
        elements, value = draft.elements, assignment.value
        try:
            if not value.is_plain:
                _check_character_set(elements, place)
            is_big_endian = draft.transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN
            encoded = value.encoded(elements, is_big_endian=is_big_endian)
            if assignment.creator is not None:
                _reserve_block(elements, (*place[:-1], assignment.creator_tag), assignment.creator.text)
            there = elements.get(place)
            # An implicit data set does not say VRs.
            same_vr = there is not None and (
                there.vr == value.vr or draft.transfer_syntax_uid == IMPLICIT_VR_LITTLE_ENDIAN
            )
            if there is not None and same_vr and there.value == pad(value.vr, encoded):
                return False
            elements.put(place, value.vr, encoded)
        except (PermanentError, ValueError) as error:
            raise PermanentError(f"{self.context.label}.set.{name_path(assignment.path)}: {error}") from None
        return True


def _check_character_set(elements: ElementEditor, place: ElementPath) -> None:
    """Refuse text beyond ASCII in an item that has a character set of its own (PS3.5 6.1.2.3)."""
    for end in range(2, len(place), 2):
        if elements.get((*place[:end], _SPECIFIC_CHARACTER_SET)) is not None:
            raise PermanentError("its item has a character set of its own; only ASCII can be set there")


def _reserve_block(elements: ElementEditor, place: ElementPath, creator: str) -> None:
    """See that the block of a private element is its creator's (PS3.5 7.8.1)."""
    there = elements.get(place)
    if there is None:
        elements.put(place, "LO", creator.encode("ascii"))
    elif not isinstance(there.value, bytes) or there.value.strip(b" \0") != creator.encode("ascii"):
        raise PermanentError("its block belongs to another private creator; choose another block")
