"""Which presentation contexts are offered and which accepted: pure decisions on the two codecs' records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Final

from pydicom import config as pydicom_config
from pydicom.uid import UID

from hilum_core.dicom.negotiation import ContextResult, ProposedContext
from hilum_sdk import ContextNeed

VERIFICATION: Final = "1.2.840.10008.1.1"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
MOST_CONTEXTS: Final = 128
"""Presentation context IDs are the odd numbers of one byte (PS3.8 9.3.2.2)."""

ACCEPTED: Final = 0
REFUSED_BY_USER: Final = 1
REFUSED_BY_PROVIDER: Final = 2
NO_ABSTRACT_SYNTAX: Final = 3
NO_TRANSFER_SYNTAX: Final = 4

DEFAULT_PREFERENCE: Final = (EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN)
"""Explicit before implicit: implicit VR loses the VRs of private elements for good."""

MOST_OF_A_UID: Final = 128
"""The standard's 64 (PS3.5 9.1) are exceeded by real objects; what is longer than this names nothing."""

_UID = re.compile(r"[0-9.]{1,64}")
_STORES_NOTHING: Final = frozenset(
    {
        "1.2.840.10008.1.3.10",  # Media Storage Directory Storage: a DICOMDIR, for media only (PS3.10)
        "1.2.840.10008.1.20.1",  # Storage Commitment Push Model
        "1.2.840.10008.1.20.2",  # Storage Commitment Pull Model
    }
)


def is_uid(text: str) -> bool:
    """Whether this can pass for a UID. More is not asked: real ones break the other rules of PS3.5 9.1."""
    return _UID.fullmatch(text) is not None


@lru_cache(maxsize=1024)
def is_storage(sop_class_uid: str) -> bool:
    """Whether objects of this SOP class are stored: any but one registered for something else.

    So private SOP classes, and those younger than our tables, are accepted.
    """
    uid = UID(sop_class_uid, validation_mode=pydicom_config.IGNORE)
    if not uid.type:
        return True
    if uid.type != "SOP Class" or uid in _STORES_NOTHING:
        return False
    # Two retired storage SOP classes have no name in the registry.
    return "Storage" in uid.name or uid.name in {"", sop_class_uid}


def answer_contexts(
    proposed: Iterable[ProposedContext],
    *,
    may_store: bool,
    may_echo: bool,
    preference: Sequence[str] = (),
) -> tuple[ContextResult, ...]:
    """Answer each proposed presentation context by itself, whatever is wrong with others.

    An ID that was proposed twice is answered once, for the first.
    """
    results: dict[int, ContextResult] = {}
    for context in proposed:
        if context.context_id not in results:
            usable = [uid for uid in context.transfer_syntaxes if is_uid(uid)]
            result = _result(context, may_store=may_store, may_echo=may_echo)
            if result == ACCEPTED and not usable:
                result = NO_TRANSFER_SYNTAX
            results[context.context_id] = ContextResult(
                context_id=context.context_id,
                result=result,
                # A refused context names a transfer syntax too, of no meaning (PS3.8 9.3.3.2).
                transfer_syntax=_choose(usable, preference or DEFAULT_PREFERENCE)
                if result == ACCEPTED
                else IMPLICIT_LITTLE_ENDIAN,
            )
    return tuple(results.values())


def _result(context: ProposedContext, *, may_store: bool, may_echo: bool) -> int:
    if context.context_id % 2 == 0:
        return REFUSED_BY_PROVIDER
    if not is_uid(context.abstract_syntax):
        return NO_ABSTRACT_SYNTAX
    if context.abstract_syntax == VERIFICATION:
        return ACCEPTED if may_echo else REFUSED_BY_USER
    if is_storage(context.abstract_syntax):
        return ACCEPTED if may_store else REFUSED_BY_USER
    return NO_ABSTRACT_SYNTAX


def _choose(usable: Sequence[str], preference: Sequence[str]) -> str:
    return next((uid for uid in preference if uid in usable), usable[0])


def offer_contexts(needs: Sequence[ContextNeed]) -> tuple[ProposedContext, ...]:
    """Make the proposal for what is needed, the most wanted first.

    Every transfer syntax gets a context of its own, so that the peer cannot choose the original away
    where it would take both, and says of each whether it takes it. Where 128 do not suffice, the
    first choices of all needs go before the second of any.
    """
    rounds = zip_longest(*([(need.sop_class_uid, uid) for uid in need.transfer_syntaxes] for need in needs))
    wanted = dict.fromkeys(pair for pairs in rounds for pair in pairs if pair is not None)
    return tuple(
        ProposedContext(context_id=2 * index + 1, abstract_syntax=sop_class, transfer_syntaxes=(syntax,))
        for index, (sop_class, syntax) in enumerate(list(wanted)[:MOST_CONTEXTS])
    )
