"""What may be said of an object that is to be de-identified: no UID, and no words of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydicom.dataset import Dataset

from hilum_core.log import without_uids
from hilum_core.registry import is_standard
from hilum_core.render.steps import Step
from hilum_core.spool import SpoolDamage
from hilum_core.workers.pipe import Message
from hilum_sdk.elements import ElementsError

WITHHELD = "its words are withheld: they quote the object"

_WORD = re.compile(r"[^\W_]{4,}")
_NAMING = (
    0x00080050,  # Accession Number
    0x00080090,  # Referring Physician's Name
    0x00100010,  # Patient's Name
    0x00100020,  # Patient ID
    0x00100030,  # Patient's Birth Date
    0x00101000,  # Other Patient IDs
    0x00101001,  # Other Patient Names
    0x00101040,  # Patient's Address
)


def safe_words(text: str, *, chain: Sequence[Step], header: Callable[[], Dataset]) -> str:
    """What a chain says of an object, fit to be stored and shown: all of it, unless the chain de-identifies.

    The transforms that come with Hilum quote no values, but may pass on a UID that others put into words.
    Of others, words that quote the object are withheld, and all words where its ``header`` cannot be read.
    """
    if not any(step.deidentifies for step in chain):
        return text
    text = without_uids(text)
    if all(is_standard(step.distribution) for step in chain):
        return text
    try:
        is_telling = _quotes(text, header())
    except (ElementsError, SpoolDamage, OSError):
        is_telling = True
    return WITHHELD if is_telling else text


def hushed(outcome: Message, *, chain: Sequence[Step], header: Callable[[], Dataset]) -> Message:
    """The outcome of a rendering, with safe words."""
    for holder, key in _words(outcome):
        holder[key] = safe_words(str(holder[key]), chain=chain, header=header)
    return outcome


def _quotes(text: str, header: Dataset) -> bool:
    """Whether a text has words of what names the patient in an object."""
    said = {word.casefold() for word in _WORD.findall(text)}
    return not said.isdisjoint(_naming_words(header))


def _words(outcome: Message) -> Iterator[tuple[dict[str, Any], str]]:
    """Where words of others stand in an outcome."""
    for kind in ("failed", "crashed"):
        if kind in outcome:
            yield outcome[kind], "text"
    if "held" in outcome:
        yield outcome["held"]["failure"], "text"
        yield outcome["held"], "code"
    if "discarded" in outcome:
        yield outcome["discarded"], "rule"


def _naming_words(header: Dataset) -> Iterator[str]:
    for tag in _NAMING:
        element = header.get_item(tag)
        value = element.value if element is not None else None
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
        for word in _WORD.findall(text):
            yield word.casefold()
