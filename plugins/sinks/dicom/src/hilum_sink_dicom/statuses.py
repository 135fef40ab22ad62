"""What a node's status means where the config says otherwise than the standard's table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from hilum_sdk import HilumError, PermanentError, Receipt, RefusedError, TemporaryError

Meaning = Literal["delivered", "retry", "refused", "dead"]

_PATTERN = re.compile(r"[0-9A-F]{1,4}X{0,3}")
_ERRORS: Mapping[Meaning, type[HilumError]] = {
    "retry": TemporaryError,
    "refused": RefusedError,
    "dead": PermanentError,
}


def check_patterns(_instance: object, _attribute: object, value: Mapping[str, Meaning]) -> None:
    """Refuse what is no status: four hexadecimal digits, the last ones possibly ``x`` for any."""
    for pattern in value:
        if len(pattern) != 4 or not _PATTERN.fullmatch(pattern.upper()):
            raise ValueError(f'{pattern!r} is no status; write four hexadecimal digits, as "A900" or "A9xx"')


def meaning_of(status: int | None, meanings: Mapping[str, Meaning]) -> Meaning | None:
    """Look a status up; the pattern with the fewest ``x`` wins. None where none fits."""
    if status is None:
        return None
    text = f"{status:04X}"
    fitting = [
        pattern
        for pattern in meanings
        if all(want in (digit, "X") for digit, want in zip(text, pattern.upper(), strict=True))
    ]
    return meanings[min(fitting, key=lambda pattern: pattern.upper().count("X"))] if fitting else None


def as_configured(answer: Receipt | HilumError, meanings: Mapping[str, Meaning]) -> Receipt | HilumError:
    """Give an answer the meaning that the config has for its status."""
    meaning = meaning_of(answer.status, meanings)
    if meaning is None:
        return answer
    words = answer.message if isinstance(answer, HilumError) else (answer.warning or "")
    if meaning == "delivered":
        return Receipt(status=answer.status, warning=words or None)
    return _ERRORS[meaning](words or f"answered {answer.status:04X}H", status=answer.status)
