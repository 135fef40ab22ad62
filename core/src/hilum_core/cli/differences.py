"""What differs in two DICOM files, element by element, by their encoded bytes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import attrs

from hilum_core.cli.dicom_files import DicomFile
from hilum_sdk.elements import FileDraft, SegmentReader, read_file_meta
from hilum_sdk.elements.comparing import same_bytes
from hilum_sdk.elements.data_set import DataSet, items_of
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.errors import tag_text
from hilum_sdk.paths import name_tag


@attrs.frozen(kw_only=True)
class Difference:
    """One element that is not the same. None stands for one that is not there.

    ``path`` is written as ``ReferencedStudySequence[0].ReferencedSOPInstanceUID``.
    """

    path: str
    tag: str
    a: Element | bytes | None
    b: Element | bytes | None


def differences(a: FileDraft, b: FileDraft) -> Iterator[Difference]:
    """Compare two data sets; elements are good while it goes on."""
    yield from _level("", a.top, b.top)


def meta_differences(a: DicomFile, b: DicomFile) -> Iterator[Difference]:
    """Compare preambles and File Meta Information."""
    with a.path.open("rb") as one, b.path.open("rb") as other:
        first, second = read_file_meta(one).elements, read_file_meta(other).elements
    preambles = [_preamble(file.path) for file in (a, b)]
    if preambles[0] != preambles[1]:
        yield Difference(path="preamble", tag="-", a=preambles[0], b=preambles[1])
    for tag in sorted(first.keys() | second.keys()):
        was, now = first.get(tag), second.get(tag)
        if was != now:
            yield Difference(path=name_tag(tag), tag=tag_text(tag), a=was, b=now)


def _preamble(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(128)


def _level(prefix: str, a: DataSet, b: DataSet) -> Iterator[Difference]:
    first = {element.tag: element for element in a.elements()}
    second = {element.tag: element for element in b.elements()}
    for tag in sorted(first.keys() | second.keys()):
        was, now = first.get(tag), second.get(tag)
        path = prefix + name_tag(tag)
        if was is not None and now is not None and was.is_sequence and now.is_sequence:
            yield from _items(path, tag, was, now)
        elif was is None or now is None or not _is_same(was, now):
            yield Difference(path=path, tag=tag_text(tag), a=was, b=now)


def _items(path: str, tag: int, was: Element, now: Element) -> Iterator[Difference]:
    for number, (one, other) in enumerate(zip_longest(items_of(was), items_of(now))):
        where = f"{path}[{number}]"
        if one is None or other is None:
            here = b"an item"
            yield Difference(
                path=where,
                tag=tag_text(tag),
                a=None if one is None else here,
                b=None if other is None else here,
            )
        else:
            yield from _level(f"{where}.", one, other)


def _is_same(was: Element, now: Element) -> bool:
    if was.vr != now.vr or was.value_length != now.value_length:
        return False
    return same_bytes(SegmentReader([was.piece()]), SegmentReader([now.piece()]))
