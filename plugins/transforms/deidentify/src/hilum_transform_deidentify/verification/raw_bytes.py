"""Looking for facts in values that nobody can read as text: the same letters, however they are encoded."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import BinaryIO

from hilum_sdk import Bulk
from hilum_sdk.elements.text import python_encodings
from hilum_transform_deidentify.verification.facts import Facts

SHORTEST = 6
"""The shortest text that is looked for in bytes: of shorter ones some stand anywhere by chance."""

_CHUNK = 1 << 20


class Patterns:
    """The facts of one object, encoded in its character set, in UTF-8 and in UTF-16, by attribute."""

    def __init__(self, facts: Facts, specific_character_set: bytes) -> None:
        encodings = {"utf-8", "utf-16-le", "utf-16-be", *python_encodings(specific_character_set)}
        self._patterns: Mapping[bytes, int] = {
            encoded: tag
            for text, tag in _long(facts)
            for spelling in {text, text.lower(), text.upper()}  # `bytes.lower` knows plain letters only
            for encoding in encodings
            if (encoded := _encoded(spelling, encoding))
        }
        self._overlap = max(map(len, self._patterns), default=1) - 1

    def found_in(self, value: bytes | Bulk) -> int | None:
        """The attribute of which a value or word stands in these bytes, in any case, if one does."""
        if not self._patterns:
            return None
        if isinstance(value, bytes):
            return self._search(io.BytesIO(value))
        with value.open() as stream:
            return self._search(stream)

    def _search(self, stream: BinaryIO) -> int | None:
        rest = b""
        while chunk := stream.read(_CHUNK):
            looked_at = rest + chunk.lower()
            for pattern, tag in self._patterns.items():
                if pattern in looked_at:
                    return tag
            rest = looked_at[-self._overlap :] if self._overlap else b""
        return None


def _long(facts: Facts) -> Iterable[tuple[str, int]]:
    return [(text, tag) for text, tag in (facts.written | facts.exact).items() if len(text) >= SHORTEST]


def _encoded(text: str, encoding: str) -> bytes:
    """In lower case, as `bytes.lower` makes the bytes that are looked at; empty if it cannot be encoded."""
    try:
        return text.encode(encoding).lower()
    except (UnicodeEncodeError, LookupError):
        return b""
