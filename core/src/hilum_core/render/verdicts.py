"""Making sure of what a transform says: another word than the interface has is its defect."""

from __future__ import annotations

from collections.abc import Sequence

from hilum_core.workers.failures import sound_text
from hilum_sdk import Discard, Hold


def sound_verdict(verdict: object) -> Discard | Hold | None:
    """The verdict of `apply`. Raises TypeError if it is none."""
    if verdict is None:
        return None
    if isinstance(verdict, Discard) and isinstance(verdict.rule, str):
        return Discard(rule=sound_text(verdict.rule))
    return _sound_hold(verdict)


def sound_holds(holds: object) -> Sequence[Hold]:
    """The verdict of `verify`. Raises TypeError if it is none."""
    if not isinstance(holds, Sequence):
        raise TypeError("verify gives a sequence of Hold")
    return [_sound_hold(hold) for hold in holds]


def _sound_hold(verdict: object) -> Hold:
    if isinstance(verdict, Hold) and isinstance(verdict.reason, str) and isinstance(verdict.code, str):
        return Hold(reason=sound_text(verdict.reason), code=sound_text(verdict.code))
    raise TypeError("a transform gives a Discard or a Hold in words, or None")
