"""The search itself: through every element of what leaves, at every depth, but for the picture."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from hilum_sdk import Draft, ElementEditor, Hold, Item, Level, RawElement
from hilum_sdk.elements import elements_of
from hilum_sdk.elements.encoding import PIXEL_DATA, PIXEL_TAGS, SPECIFIC_CHARACTER_SET
from hilum_sdk.paths import name_tag
from hilum_transform_deidentify.codestreams import heads_of_images
from hilum_transform_deidentify.reading import bytes_at
from hilum_transform_deidentify.verification.facts import Facts, Kind, text_of
from hilum_transform_deidentify.verification.raw_bytes import Patterns

_BYTES = frozenset({"OB", "OW", "OD", "OF", "OL", "OV", "UN"})
_MARKS = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280303})
_MOST_NAMES = 8


class Verifier:
    """Compares what leaves with what came.

    Parameters
    ----------
    kind_of
        What an attribute of the original is to the search.
    without
        Words that may stand anywhere: those that the project allows, and our dummies.
    """

    def __init__(self, kind_of: Callable[[int], Kind], without: Iterable[str]) -> None:
        self._kind_of = kind_of
        self._without = frozenset(without)

    def holds(
        self, original: Draft, rendered: Item, *, own: Collection[str], scratch_dir: Path
    ) -> list[Hold]:
        """Give a hold if anything that identifies is found; it names attributes, no values.

        `own` are texts that we made for this object, such as the subject's code.
        """
        elements = original.elements
        facts = Facts.of(elements, self._kind_of, self._without | set(own))
        patterns = Patterns(facts, bytes_at(elements, (SPECIFIC_CHARACTER_SET,)))
        with elements_of(rendered, scratch_dir) as result:
            found = list(dict.fromkeys(_search(result, facts, patterns)))
        return [_hold(found)] if found else []


def _search(elements: ElementEditor, facts: Facts, patterns: Patterns) -> Iterator[tuple[int, int]]:
    """Pairs of the attribute that something is of, and the one in which it stands."""
    for level in elements.levels():
        if _is_of_marks(level):
            continue
        is_top, here = level.sequence is None, level.elements
        for element in level.contents():
            if element.is_sequence or (is_top and element.tag in _MARKS):
                continue
            if is_top and element.tag in PIXEL_TAGS:
                of = _beside_the_pictures(element, patterns)
            else:
                of = _in_element(here, element, facts, patterns)
            if of is not None:
                yield of, element.tag


def _beside_the_pictures(element: RawElement, patterns: Patterns) -> int | None:
    heads = heads_of_images(element.value) if element.tag == PIXEL_DATA else ()
    return next((of for head in heads if (of := patterns.found_in(head)) is not None), None)


def _in_element(elements: ElementEditor, element: RawElement, facts: Facts, patterns: Patterns) -> int | None:
    text = text_of(elements, element)
    of = facts.found_in(text) if text else None
    if of is None and (element.vr in _BYTES or element.tag >> 16 & 1):
        of = patterns.found_in(element.value)
    return of


def _is_of_marks(level: Level) -> bool:
    """Whether it is an item of what we say of the de-identification itself."""
    return (
        level.sequence is not None
        and level.sequence.tag in _MARKS
        and level.parent is not None
        and level.parent.sequence is None
    )


def _hold(found: list[tuple[int, int]]) -> Hold:
    pairs = [f"{name_tag(of)} in {name_tag(where)}" for of, where in found]
    shown = ", ".join(pairs[:_MOST_NAMES]) + (" and others" if len(pairs) > _MOST_NAMES else "")
    return Hold(
        code="verify",
        reason=f"what identifies would leave: of {shown}; see what puts it there, or add a harmless word to "
        "allowed_words",
    )
