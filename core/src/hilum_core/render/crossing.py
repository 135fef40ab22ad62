"""A draft on its way between a rendering worker and an isolated transform: a record, and open files.

The record says where things stand in the files, and holds short values; an image is in a file already.
"""

from __future__ import annotations

import io
import os
import stat
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from hilum_core.workers.pipe import Message
from hilum_sdk.elements import DraftState, Edit, Segment

_Piece = bytes | Segment


def pack_state(state: DraftState) -> tuple[Message, Sequence[int]]:
    """A state as record and descriptors, which stay those of its draft."""
    files: dict[io.FileIO, int] = {}

    def packed(piece: _Piece | None) -> Any:
        if isinstance(piece, Segment):
            number = files.setdefault(piece.file, len(files))
            return {"file": number, "offset": piece.offset, "length": piece.length}
        return None if piece is None else b64encode(piece).decode()

    record = {
        "transfer_syntax_uid": state.transfer_syntax_uid,
        "base": packed(state.base),
        "edits": [
            [edit.tag, edit.vr, packed(edit.value), edit.is_sequence, edit.fragments] for edit in state.edits
        ],
        "replaced": state.replaced,
        "differing": sorted(state.differing),
    }
    return record, [file.fileno() for file in files]


def unpack_state(record: Message, descriptors: Sequence[int]) -> DraftState:
    """The state again. Its files are ours from here on; they are closed if this raises.

    Raises
    ------
    ValueError, KeyError, TypeError
        The record makes no sense, or a file does not hold what it says.
    """
    files = [io.FileIO(descriptor, "rb") for descriptor in descriptors]
    try:
        return DraftState(
            transfer_syntax_uid=str(record["transfer_syntax_uid"]),
            base=_segment(record["base"], files),
            edits=[
                Edit(
                    tag=int(tag),
                    vr=str(vr),
                    value=None if value is None else _piece(value, files),
                    is_sequence=is_sequence is True,
                    fragments=fragments is True,
                )
                for tag, vr, value, is_sequence, fragments in record["edits"]
            ],
            replaced=record["replaced"] is True,
            differing=frozenset(int(tag) for tag in record["differing"]),
        )
    except BaseException:
        for file in files:
            file.close()
        raise


def _piece(packed: str | Mapping[str, int], files: Sequence[io.FileIO]) -> _Piece:
    return b64decode(packed) if isinstance(packed, str) else _segment(packed, files)


def _segment(packed: Mapping[str, int], files: Sequence[io.FileIO]) -> Segment:
    segment = Segment(file=files[packed["file"]], offset=packed["offset"], length=packed["length"])
    about = os.fstat(segment.file.fileno())
    is_within = segment.offset >= 0 and 0 <= segment.length <= about.st_size - segment.offset
    if not stat.S_ISREG(about.st_mode) or not is_within:
        raise ValueError("a stretch of no file")
    return segment
