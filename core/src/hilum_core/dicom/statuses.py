"""What an answer to C-STORE means for the object: the one table (PS3.4 B.2.3, PS3.7 Annex C).

An archive's words are taken with experience: what it calls a failure of the object for good is often a
setting that somebody corrects the same day, so nothing but a person or a number of tries makes it final.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

SUCCESS: Final = 0x0000
PROCESSING_FAILURE: Final = 0x0110
INVALID_SOP_INSTANCE: Final = 0x0117
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
NOT_AUTHORISED: Final = 0x0124
UNRECOGNISED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700
CANNOT_UNDERSTAND: Final = 0xC000


class Verdict(enum.Enum):
    """What becomes of an object after the peer's answer, or for want of one."""

    DELIVERED = "delivered"
    """The peer has it, perhaps with a warning."""
    RETRY = "retry"
    """The peer could not take it now: again, with backoff, for days."""
    REFUSED = "refused"
    """The peer does not want it: a few tries over hours, then a dead letter."""
    DEAD = "dead"
    """It can never be delivered there: the peer accepts presentation contexts, but none for it."""


@attrs.frozen
class _Meaning:
    first: int
    last: int
    verdict: Verdict
    words: str


_TABLE: Final = (
    _Meaning(0x0000, 0x0000, Verdict.DELIVERED, "success"),
    _Meaning(0x0001, 0x0001, Verdict.DELIVERED, "warning: requested optional attributes not supported"),
    _Meaning(0x0107, 0x0107, Verdict.DELIVERED, "warning: attribute list error"),
    _Meaning(0x0110, 0x0110, Verdict.RETRY, "processing failure"),
    # The archive has this instance: for us that is as good as success.
    _Meaning(0x0111, 0x0111, Verdict.DELIVERED, "duplicate SOP instance"),
    _Meaning(0x0116, 0x0116, Verdict.DELIVERED, "warning: attribute value out of range"),
    _Meaning(0x0117, 0x0117, Verdict.REFUSED, "invalid SOP instance"),
    _Meaning(0x0119, 0x0119, Verdict.REFUSED, "class-instance conflict"),
    _Meaning(0x0122, 0x0122, Verdict.REFUSED, "SOP class not supported"),
    _Meaning(0x0124, 0x0124, Verdict.REFUSED, "not authorised"),
    _Meaning(0x0210, 0x0210, Verdict.RETRY, "duplicate invocation"),
    _Meaning(0x0211, 0x0211, Verdict.REFUSED, "unrecognised operation"),
    _Meaning(0x0212, 0x0212, Verdict.REFUSED, "mistyped argument"),
    _Meaning(0xA700, 0xA7FF, Verdict.RETRY, "out of resources"),
    _Meaning(0xA900, 0xA9FF, Verdict.REFUSED, "data set does not match SOP class"),
    _Meaning(0xB000, 0xB000, Verdict.DELIVERED, "warning: coercion of data elements"),
    _Meaning(0xB006, 0xB006, Verdict.DELIVERED, "warning: elements discarded"),
    _Meaning(0xB007, 0xB007, Verdict.DELIVERED, "warning: data set does not match SOP class"),
    _Meaning(0xB000, 0xBFFF, Verdict.DELIVERED, "warning"),
    _Meaning(0xC000, 0xCFFF, Verdict.REFUSED, "cannot understand"),
)


def _meaning(status: int) -> _Meaning:
    for row in _TABLE:
        if row.first <= status <= row.last:
            return row
    return _Meaning(status, status, Verdict.REFUSED, "unknown status")


def judge_store(status: int) -> Verdict:
    """Say what becomes of an object whose C-STORE was answered so. Never `Verdict.DEAD`."""
    return _meaning(status).verdict


def is_warning(status: int) -> bool:
    """Whether the peer has the object and something to say about it, a duplicate included."""
    return status != SUCCESS and judge_store(status) is Verdict.DELIVERED


def status_in_words(status: int) -> str:
    """Name a status for an operator, as in ``0xA700 out of resources``."""
    return f"0x{status:04X} {_meaning(status).words}"
