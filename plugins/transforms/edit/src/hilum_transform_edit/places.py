"""Where in one object the paths of the config lead to: `EVERY_ITEM` is replaced by the items there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hilum_sdk import ElementEditor
from hilum_sdk.paths import EVERY_ITEM, ElementPath

ItemCounts = Mapping[ElementPath, int]


def count_items(elements: ElementEditor, paths: Iterable[ElementPath]) -> ItemCounts:
    """Count the items of the sequences that these paths need to know; walks the object only if any does."""
    sequences = {path[0] for path in paths if EVERY_ITEM in path}
    counts: dict[ElementPath, int] = {}
    if not sequences:
        return counts
    for path, _ in elements.walk():
        if path[0] in sequences:
            for end in range(1, len(path) - 1, 2):
                sequence = path[:end]
                counts[sequence] = max(counts.get(sequence, 0), path[end] + 1)
    return counts


def places(path: ElementPath, counts: ItemCounts) -> list[ElementPath]:
    """Give the paths of the elements that `path` names; none where a sequence has no item."""
    found: list[ElementPath] = [path[:1]]
    for item, tag in zip(path[1::2], path[2::2], strict=True):
        found = [
            (*sequence, index, tag)
            for sequence in found
            for index in (range(counts.get(sequence, 0)) if item == EVERY_ITEM else (item,))
        ]
    return found
