"""What an edit makes untrue: digital signatures and their parameters (PS3.3 C.12.1.1.3), and a length."""

from __future__ import annotations

from hilum_sdk.elements.data_set import DataSet, items_of

_SIGNATURES = (0x4FFE0001, 0xFFFAFFFA)
_LENGTH_TO_END = 0x00080001


def drop_signatures(top: DataSet) -> int:
    """Take the signatures out of all that was changed, and say how many elements went.

    One in an item in which nothing was changed signs what is there, and stays.
    """
    if not top.changed:
        return 0
    top.remove(_LENGTH_TO_END)
    return _drop(top, whole=False)


def _drop(data_set: DataSet, *, whole: bool) -> int:
    """Drop those of one level and below; `whole`: all of it is new, so that nothing in it is marked."""
    dropped = 0
    for tag in _SIGNATURES:
        if data_set.find(tag) is not None:
            data_set.remove(tag)
            dropped += 1
    for element in tuple(data_set.elements()):
        if not (whole or element.changed) or not element.is_sequence:
            continue
        is_new = whole or element.source is not data_set.source
        for item in items_of(element):
            if is_new or item.changed:
                dropped += _drop(item, whole=is_new or item.source is not element.source)
    return dropped
