"""What to propose to the node: pure decisions about presentation contexts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from hilum_sdk import ContextNeed, Item

MOST_CONTEXTS = 128
"""Their ids are the odd numbers from 1 to 255 (PS3.8 9.3.2.2); each transfer syntax takes one."""


def syntaxes_for(item: Item, *, reencode: bool) -> Sequence[str]:
    """Give the transfer syntaxes in which an object may be sent, its own first."""
    return item.transfer_syntaxes if reencode else (item.transfer_syntax_uid,)


def propose(
    in_hand: Iterable[ContextNeed], waiting: Sequence[ContextNeed], accepted_before: ContextNeed | None
) -> Sequence[ContextNeed]:
    """Choose what to propose, so that all of it fits into one association.

    First what the objects in hand need; then one context that this node has accepted before: if it
    refuses all but that one, it refuses the objects, and if it refuses that too, something is wrong
    with the node; then what waits, the first choices of all before the second of any. None if there
    is neither object in hand nor one waiting.
    """
    wanted = [(need.sop_class_uid, syntax) for need in in_hand for syntax in need.transfer_syntaxes]
    if accepted_before and (wanted or waiting):
        wanted.append((accepted_before.sop_class_uid, accepted_before.transfer_syntaxes[0]))
    choices = ([(need.sop_class_uid, syntax) for syntax in need.transfer_syntaxes] for need in waiting)
    wanted += [pair for rank in zip_longest(*choices) for pair in rank if pair is not None]
    by_class: dict[str, list[str]] = {}
    for sop_class_uid, syntax in list(dict.fromkeys(wanted))[:MOST_CONTEXTS]:
        by_class.setdefault(sop_class_uid, []).append(syntax)
    return [
        ContextNeed(sop_class_uid=sop_class_uid, transfer_syntaxes=tuple(syntaxes))
        for sop_class_uid, syntaxes in by_class.items()
    ]
