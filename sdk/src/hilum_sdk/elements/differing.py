"""Which elements of a changed data set are no longer as they were, at any depth: tags, no values."""

from __future__ import annotations

from hilum_sdk.elements.data_set import DataSet, items_of
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.limits import LARGEST_VALUE


def tags_that_differ(now: DataSet) -> set[int]:
    """The tags of what was changed, added or removed since the data set was read from its source.

    Of what is added or removed whole, a sequence or an item, the tag of the sequence alone.
    """
    found: set[int] = set()
    if now.changed:
        _compare(DataSet(now.source, now.encoding), now, found)
    return {tag for tag in found if tag & 0xFFFF}


def _compare(before: DataSet, now: DataSet, found: set[int]) -> None:
    old = {element.tag: element for element in before.elements()}
    for element in now.elements():
        was = old.pop(element.tag, None)
        if was is None:
            found.add(element.tag)
        elif not _is_same(was, element):
            _compare_elements(was, element, found)
    found.update(old)


def _compare_elements(was: Element, element: Element, found: set[int]) -> None:
    if not was.is_sequence or not element.is_sequence:
        found.add(element.tag)
        return
    old, new = items_of(was), items_of(element)
    if len(old) != len(new):
        found.add(element.tag)
    for one, other in zip(old, new, strict=False):
        if other.changed or other.source is not one.source:
            _compare(one, other, found)


def _is_same(was: Element, element: Element) -> bool:
    if not element.changed and element.source is was.source:
        return True
    if was.is_sequence or element.is_sequence:
        return False
    return (
        was.value_length == element.value_length <= LARGEST_VALUE
        and was.vr == element.vr
        and was.value == element.value
    )
