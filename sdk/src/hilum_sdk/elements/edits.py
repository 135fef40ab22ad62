"""What makes a changed data set out of the one it was: a list of edits that can go to another process.

Only the top level is listed: of a sequence in which anything changed, the edit holds all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from hilum_sdk.elements.data_set import DataSet
from hilum_sdk.elements.element import Element
from hilum_sdk.elements.encoding import UNDEFINED
from hilum_sdk.elements.limits import LARGEST_VALUE
from hilum_sdk.elements.segments import Piece, Segment, chunks_of, copy, length_of
from hilum_sdk.elements.source import Scratch, Source
from hilum_sdk.elements.writer import pieces

_MOST_FILES = 16
_MOST_IN_MEMORY = 1 << 20


@attrs.frozen(kw_only=True)
class Edit:
    """One element that stands otherwise than in the source; ``value`` is None where it is gone.

    Of a sequence the value is the whole element, its header included, so that its items are read as
    they were written. ``fragments`` says that the value ends with a delimiter, not with its length.
    """

    tag: int
    vr: str = ""
    value: Piece | None = None
    is_sequence: bool = False
    fragments: bool = False


def edits_of(top: DataSet, scratch: Scratch) -> Sequence[Edit]:
    """List what was changed since the data set was read; large values that lie scattered go to a file."""
    if not top.changed:
        return ()
    now = top.elements()
    before = DataSet(top.source, top.encoding).elements()
    gone = {element.tag for element in before} - {element.tag for element in now}
    changed = [element for element in now if element.changed]
    # A group length is put last: what is put into its group takes it out.
    changed.sort(key=lambda element: element.tag & 0xFFFF == 0)
    edits = [*(Edit(tag=tag) for tag in sorted(gone)), *(_edit(element, scratch) for element in changed)]
    return edits if _is_handy(edits) else _in_one_file(edits, scratch)


def _is_handy(edits: Sequence[Edit]) -> bool:
    values = [edit.value for edit in edits if edit.value is not None]
    files = {piece.file for piece in values if isinstance(piece, Segment)}
    in_memory = sum(len(piece) for piece in values if isinstance(piece, bytes))
    return len(files) <= _MOST_FILES and in_memory <= _MOST_IN_MEMORY


def _in_one_file(edits: Sequence[Edit], scratch: Scratch) -> Sequence[Edit]:
    file = scratch.file()
    offset = 0
    kept = []
    for edit in edits:
        if edit.value is not None:
            length = copy([edit.value], file)
            edit = attrs.evolve(edit, value=Segment(file=file, offset=offset, length=length))  # noqa: PLW2901
            offset += length
        kept.append(edit)
    return kept


def _edit(element: Element, scratch: Scratch) -> Edit:
    header, *value = pieces(element)
    if element.is_sequence:
        whole = _together([header, *value], scratch)
        return Edit(tag=element.tag, vr=element.header_vr, value=whole, is_sequence=True)
    return Edit(
        tag=element.tag,
        vr=element.header_vr or "UN",
        value=_together(value, scratch),
        fragments=element.length == UNDEFINED,
    )


def _together(parts: list[Piece], scratch: Scratch) -> Piece:
    if len(parts) == 1:
        return parts[0]
    if sum(map(length_of, parts)) > LARGEST_VALUE:
        return scratch.keep_pieces(parts)
    return b"".join(chunks_of(parts))


def apply_edits(top: DataSet, edits: Iterable[Edit]) -> None:
    """Change a data set that was read from the same source as the one of the edits.

    Raises
    ------
    ElementsError
        An edit holds no element.
    """
    for edit in edits:
        if edit.value is None:
            top.remove(edit.tag)
        elif edit.is_sequence:
            top.put_encoded(Source(edit.value, top.source.window.limits))
        else:
            top.put(edit.tag, edit.vr, edit.value, fragments=edit.fragments)
