"""What identifies in an original: whole values, and words of them, each with the keyword it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum

import attrs

from hilum_sdk import ElementEditor, Level, PermanentError, RawElement
from hilum_sdk.elements.vr import PLAIN_TEXT, TEXT, dictionary_vr

SHORTEST = 4
"""The shortest value or word that is looked for: shorter ones stand anywhere by chance."""

_WORD = re.compile(r"\w+")
_NUMBERS = re.compile(r"[0-9][0-9.]*[0-9]")
_READABLE = TEXT | PLAIN_TEXT
_OF_THE_STANDARD = "1.2.840.10008."  # UIDs that say nothing of an object or a patient
_OF_DATES = 8  # YYYYMMDD, without which a time says nothing


class Kind(Enum):
    """What an attribute is to the search."""

    OTHER = "neither"
    GONE = "a sequence or private element that goes, with all below it: nothing there is kept by right"
    KEPT = "kept by right, so that its words may stand anywhere"
    WORDS = "names and addresses: their words identify, in upper or lower case"
    EXACT = "identifiers and UIDs: as a whole"
    DATE = "dates: the day"


_TELLING = frozenset({Kind.KEPT, Kind.WORDS, Kind.EXACT, Kind.DATE})


@attrs.frozen
class Facts:
    """What is looked for, with the attribute that it comes from.

    ``folded`` are words without case, ``written`` the same as they were written, ``exact`` values as they
    are.
    """

    folded: dict[str, int]
    written: dict[str, int]
    exact: dict[str, int]

    @classmethod
    def of(cls, elements: ElementEditor, kind_of: Callable[[int], Kind], without: Iterable[str]) -> Facts:
        """Gather from an original what identifies and stands in nothing that is kept."""
        words: dict[str, int] = {}
        exact: dict[str, int] = {}
        known = {word.casefold() for word in without}
        for tag, kind, text in _texts(elements, kind_of):
            for value in text.split("\\"):
                match kind:
                    case Kind.KEPT:
                        known |= tokens(value.casefold())
                    case Kind.WORDS:
                        words |= dict.fromkeys(tokens(value), tag)
                    case Kind.EXACT:
                        exact[value.strip()] = tag
                    case Kind.DATE:
                        exact[value.strip()[:_OF_DATES]] = tag
        written = {word: tag for word, tag in words.items() if _tells(word) and word.casefold() not in known}
        return cls(
            folded={word.casefold(): tag for word, tag in written.items()},
            written=written,
            exact={text: tag for text, tag in exact.items() if _tells(text) and text.casefold() not in known},
        )

    def found_in(self, text: str) -> int | None:
        """The attribute of which a value or word stands in a text, if any does."""
        for token in tokens(text):
            tag = self.exact.get(token)
            if tag is None:
                tag = self.folded.get(token.casefold())
            if tag is not None:
                return tag
        return next(
            (tag for value, tag in self.exact.items() if value in text and _stands(value, text)), None
        )


def _stands(value: str, text: str) -> bool:
    """Whether a value stands in a text by itself, not as a part of a longer word or number."""
    at = -1
    while (at := text.find(value, at + 1)) >= 0:
        before, after = text[:at][-1:], text[at + len(value) :][:1]
        if not before.isalnum() and not after.isalnum():
            return True
    return False


def tokens(text: str) -> set[str]:
    """All that a value or word could be: the text itself, its parts between spaces, words, and numbers."""
    text = text.strip()
    found = {text, *text.split(), *_WORD.findall(text)}
    for number in _NUMBERS.findall(text):
        found |= {number, number[:_OF_DATES]} if number.isdigit() else {number}
    return found


def text_of(elements: ElementEditor, element: RawElement) -> str:
    """The text of an element; in Latin-1 where it means nothing in its character set. Empty if it is none."""
    value = element.value
    if element.vr in _READABLE and isinstance(value, bytes) and value.isascii() and b"\x1b" not in value:
        return value.decode("ascii").strip(" \0")  # most are, and need no character set
    try:
        text = elements.text((element.tag,))
    except PermanentError:
        text = _latin(element)
    if text is None and element.vr == "UN" and dictionary_vr(element.tag) in _READABLE:
        text = _latin(element)
    return text or ""


def _latin(element: RawElement) -> str:
    value = element.value
    return value.decode("latin-1").strip(" \0") if isinstance(value, bytes) else ""


def _texts(elements: ElementEditor, kind_of: Callable[[int], Kind]) -> Iterator[tuple[int, Kind, str]]:
    for level in elements.levels():
        goes, here = _goes(level, kind_of), level.elements
        for element in level.contents():
            kind = kind_of(element.tag)
            if kind in _TELLING and not (goes and kind is Kind.KEPT):
                yield element.tag, kind, text_of(here, element)


def _goes(level: Level, kind_of: Callable[[int], Kind]) -> bool:
    """Whether a sequence around these elements goes."""
    around: Level | None = level
    while around is not None and around.sequence is not None:
        if kind_of(around.sequence.tag) is Kind.GONE:
            return True
        around = around.parent
    return False


def _tells(text: str) -> bool:
    return len(text) >= SHORTEST and not text.startswith(_OF_THE_STANDARD)
