"""What may go to a sink that takes de-identified objects only: DELIVER looks itself, whatever was said."""

from __future__ import annotations

from hilum_core.queue.records import Rendering
from hilum_sdk.elements import ElementsError, FileItem, read_header

_PATIENT_IDENTITY_REMOVED = 0x00120062
_YES = b"YES"


def why_not(rendering: Rendering | None, item: FileItem) -> str:
    """Say why an object is not surely de-identified; empty if it is. Raises OSError.

    A transform that is registered as de-identifying has passed it, such a transform has verified the
    outcome, and the file itself says so in Patient Identity Removed (PS3.15 E.1.1).
    """
    if rendering is None or not rendering.deidentified:
        return "the sink takes de-identified objects only, and this is none"
    if not rendering.verified:
        return "the sink takes de-identified objects only, and no de-identifying transform has verified this"
    if not _is_marked(item):
        return "the sink takes de-identified objects only, and (0012,0062) of this is not YES"
    return ""


def _is_marked(item: FileItem) -> bool:
    with item.data_set() as stream:
        try:
            header = read_header(
                stream, item.transfer_syntax_uid, needs=frozenset({_PATIENT_IDENTITY_REMOVED})
            )
        except ElementsError:
            return False
    found = header.get_item(_PATIENT_IDENTITY_REMOVED)
    value = found.value if found is not None else b""
    return isinstance(value, bytes) and value.strip(b" \0") == _YES
